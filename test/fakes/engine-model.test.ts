import { describeDocker } from '../contracts/docker-contract.js';
import { EngineModel } from './engine-model.js';

describeDocker('the model of an engine', async () => new EngineModel());
