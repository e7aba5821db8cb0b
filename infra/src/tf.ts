/**
 * The only place that names the construct library: CDK Terrain (`cdktn`), the maintained continuation of CDK for Terraform.
 * Going back to `cdktf` is a change of this line.
 */
export { App, LocalBackend, TerraformOutput, TerraformResource, TerraformStack } from 'cdktn';
export type { TerraformResourceConfig } from 'cdktn';
