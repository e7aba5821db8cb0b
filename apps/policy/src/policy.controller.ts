import { Controller } from '@nestjs/common';
import type {
  CheckRequest,
  CheckResult,
  PolicyPreview,
  PolicyStatus,
  RuleList,
  RulesRequest,
  VerdictRequest,
  VerdictResult,
} from '@heddle/model';
import { Method } from '@heddle/service';
import { PolicyService } from './policy.service';

@Controller()
export class PolicyController {
  constructor(private readonly policy: PolicyService) {}

  @Method('policy.check')
  async check(request: CheckRequest): Promise<CheckResult> {
    return { problems: await this.policy.check(request) };
  }

  @Method('policy.preview')
  preview(request: CheckRequest): Promise<PolicyPreview> {
    return this.policy.preview(request);
  }

  @Method('policy.verdict')
  verdict(requests: VerdictRequest[]): VerdictResult[] {
    return this.policy.verdict(requests);
  }

  @Method('policy.rules')
  rules(request: RulesRequest): RuleList {
    return this.policy.rules(request);
  }

  @Method('policy.status')
  status(): PolicyStatus {
    return this.policy.status();
  }
}
