/** Spreads tasks over processes: each asks for the next task when it has answered the last one. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Answers in the order of the tasks; the same script is started again to give them (`answer`). */
export async function spread<Answer>(
  script: string,
  tasks: readonly object[],
  jobs: number,
  done: (answered: number) => void = () => {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let [next, answered] = [0, 0];
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(script), { serialization: 'advanced' });
      let current = 0;
      const give = (): void => {
        current = next++;
        if (current < tasks.length) child.send(tasks[current]!);
        else child.disconnect();
      };
      child.on('message', (answer) => {
        answers[current] = answer as Answer;
        done(++answered);
        give();
      });
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`task ${current} ended with ${code}`))));
      give();
    });
  await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, work));
  return answers;
}

/** Started by `spread`: answers what it is sent until the other end lets go. Otherwise runs `main`. */
export async function answerOr(answer: (task: never) => object, main: () => Promise<void>): Promise<void> {
  if (process.send === undefined) return main();
  process.on('message', (task) => process.send!(answer(task as never)));
}
