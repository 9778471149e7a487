import { testOutcomes } from './outcomes.ts';
import { RESEARCH } from './research.ts';

testOutcomes(RESEARCH);
