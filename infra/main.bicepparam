// Values for one deployment. Each can come from the environment, so that neither this file nor a command line has to
// be edited: export them for `az deployment group`, or `azd env set NAME VALUE` for azd.

using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'gateway')

// https://<account>.services.ai.azure.com/api/projects/<project>
param foundryAccountName = readEnvironmentVariable('FOUNDRY_ACCOUNT_NAME')
param foundryProjectName = readEnvironmentVariable('FOUNDRY_PROJECT_NAME')
// Blank: in the resource group that is deployed to.
param foundryResourceGroup = readEnvironmentVariable('FOUNDRY_RESOURCE_GROUP', '')
// `true` makes account, project and a model, for a first try.
param createFoundry = bool(readEnvironmentVariable('FOUNDRY_CREATE', 'false'))

// name=sha256:<hex digest of the key>, comma-separated: no secret is deployed.
param callerKeys = readEnvironmentVariable('GATEWAY_API_KEYS', '')

param alwaysReadyInstances = int(readEnvironmentVariable('GATEWAY_ALWAYS_READY', '1'))
