import { CLEAN, LEAKY } from './families.ts';
import { testOutcomes } from './outcomes.ts';

testOutcomes([...CLEAN, ...LEAKY]);
