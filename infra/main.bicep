// Foundry Gateway on Azure Functions (Flex Consumption), next to a Foundry project. docs/deploy.md tells the way.
//
//   az deployment group create -g <group> -f infra/main.bicep -p infra/main.bicepparam

import { roles } from 'roles.bicep'

targetScope = 'resourceGroup'

@description('Names the resources and tags them; two environments can share a resource group.')
@minLength(2)
@maxLength(20)
param environmentName string = 'gateway'
@description('Azure region of everything but an existing Foundry project.')
param location string = resourceGroup().location
@description('Tags of every resource.')
param tags object = {}

// Foundry

@description('Name of the Foundry account (the first part of <account>.services.ai.azure.com).')
param foundryAccountName string
@description('Name of the project in that account.')
param foundryProjectName string
@description('Resource group of the account, where it exists already; empty for the one that is deployed to.')
param foundryResourceGroup string = ''
@description('Id of the subscription of the account, where it exists already; empty for the one that is deployed to.')
param foundrySubscriptionId string = ''
@description('Whether to assign the role Foundry User to the gateway. Without the right to do so, say false and have the command of the output `nextCommands` run by who has it.')
param assignFoundryRole bool = true
@description('Whether that role is for the project alone, or for every project of the account (aliases may then point at those).')
@allowed(['project', 'account'])
param foundryRoleScope string = 'project'
@description('Creates account, project and a model deployment in this resource group, for a first try.')
param createFoundry bool = false
@description('Model for a first try.')
param modelName string = 'gpt-4.1-mini'
@description('Version of that model.')
param modelVersion string = '2025-04-14'
@description('Kind of its deployment.')
param modelSku string = 'GlobalStandard'
@description('Its capacity in thousands of tokens a minute.')
@minValue(1)
param modelCapacity int = 50

// Callers

@description('Who may call: name=sha256:<hex digest of the key>, comma-separated. docs/deploy.md shows how to make a key and its digest.')
@secure()
param callerKeys string = ''
@description('Name of an existing key vault that holds secrets of the gateway; empty for none.')
param keyVaultName string = ''
@description('Resource group of that key vault; empty for the one that is deployed to.')
param keyVaultResourceGroup string = ''
@description('Id of the subscription of that key vault; empty for the one that is deployed to.')
param keyVaultSubscriptionId string = ''
@description('Secret in the key vault with the callers\' keys, instead of callerKeys.')
param callerKeysSecretName string = ''
@description('Secret in the key vault under which histories are fingerprinted and ids of files signed. Without it that is derived from the callers\' keys, and conversations begin anew when those change.')
param continuityKeySecretName string = ''
@description('That secret itself, where callers have Entra tokens only and there is none in a key vault; by default a new one with each deployment.')
@secure()
param continuityKey string = newGuid()
@description('Client id of an app registration that stands for the gateway: callers may then send an Entra token for it, beside keys or instead of them.')
param entraClientId string = ''
@description('With entraClientId: client ids of the applications that may call; empty for the whole tenant.')
param entraAllowedApplications string[] = []
@description('With entraClientId: App Service authentication lets nobody else through, so that requests without such a token do not even reach the gateway. Keys then no longer serve.')
param entraOnly bool = false

// The gateway

@description('Further settings of the gateway by name, such as GATEWAY_AGENTS; the README lists them. They win over those that are set here.')
@secure()
param gatewaySettings object = {}
@description('Table in which conversations are remembered.')
@minLength(3)
@maxLength(63)
param threadsTableName string = 'threads'
@description('Origins of browser applications that may call.')
param allowedOrigins string[] = []

// Scale; docs/scale.md says what to raise when.

@description('Memory of an instance in MB; it brings the processor with it: 0.25, 1 and 2 cores.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048
@description('Requests that one instance answers at a time before another is started.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 100
@description('Instances that are kept running, so that nobody waits for a cold start.')
@minValue(0)
param alwaysReadyInstances int = 1
@description('The most instances that run at a time.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40
@description('Whether instances and storage are spread over the zones of the region; at least two instances are then kept running.')
param zoneRedundant bool = false

// Network

@description('Whether the gateway can be reached from the internet. If not, it is reached, and published, from inside the private network.')
param publicAccess bool = true
@description('Makes a virtual network, sends the app\'s connections through it, and closes the storage account to everything else.')
param privateNetwork bool = false
@description('Address range of that network, /26 or larger.')
param networkAddressPrefix string = '10.20.0.0/26'

// Logs

@description('How long logs and traces are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30
@description('The most logs and traces that are taken in a day, in GB; -1 for no limit.')
param logDailyLimitGb int = -1
@description('Whether the platform\'s own logs and metrics of app and storage are kept too.')
param platformLogs bool = true

var allTags = union({ 'azd-env-name': environmentName }, tags)
var suffix = uniqueString(resourceGroup().id, environmentName)
var storageName = take('st${replace(toLower(environmentName), '-', '')}', 11)
var foundryGroup = createFoundry || empty(foundryResourceGroup) ? resourceGroup().name : foundryResourceGroup
var foundrySubscription = createFoundry || empty(foundrySubscriptionId) ? subscription().subscriptionId : foundrySubscriptionId
var projectId = resourceId(
  foundrySubscription,
  foundryGroup,
  'Microsoft.CognitiveServices/accounts/projects',
  foundryAccountName,
  foundryProjectName
)
var secretNames = filter([callerKeysSecretName, continuityKeySecretName], secretName => !empty(secretName))
var keyVaultGroup = empty(keyVaultResourceGroup) ? resourceGroup().name : keyVaultResourceGroup
var keyVaultSubscription = empty(keyVaultSubscriptionId) ? subscription().subscriptionId : keyVaultSubscriptionId
var vaultName = empty(secretNames) || !empty(keyVaultName) ? keyVaultName : fail('keyVaultName is empty, and there are names of secrets in it')
var secretsUri = 'https://${vaultName}${environment().suffixes.keyvaultDns}/secrets'
var someoneMayCall = !empty(callerKeys) || !empty(callerKeysSecretName) || !empty(entraClientId)
var continuityKeyWithoutVault = empty(callerKeys) && empty(callerKeysSecretName) ? continuityKey : ''
var platformWorkspaceId = platformLogs ? monitoring.outputs.workspaceId : ''

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${environmentName}-id-${suffix}'
  location: location
  tags: allTags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring-${suffix}'
  params: {
    namePrefix: environmentName
    nameSuffix: suffix
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    dailyLimitGb: logDailyLimitGb
    identityId: identity.id
    principalId: identity.properties.principalId
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook-${suffix}'
  params: {
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network-${suffix}'
  params: {
    namePrefix: environmentName
    nameSuffix: suffix
    location: location
    tags: allTags
    addressPrefix: networkAddressPrefix
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage-${suffix}'
  params: {
    name: '${storageName}${suffix}'
    location: location
    tags: allTags
    publicAccess: !privateNetwork
    zoneRedundant: zoneRedundant
    threadsTableName: threadsTableName
    identityId: identity.id
    principalId: identity.properties.principalId
    workspaceId: platformWorkspaceId
  }
}

module blobEndpoint 'modules/private-endpoint.bicep' = if (privateNetwork) {
  name: 'blob-endpoint-${suffix}'
  params: {
    name: '${environmentName}-pe-blob-${suffix}'
    location: location
    tags: allTags
    targetId: storage.outputs.id
    groupId: 'blob'
    subnetId: network!.outputs.privateEndpointsSubnetId
    zoneId: network!.outputs.blobZoneId
  }
}

module tableEndpoint 'modules/private-endpoint.bicep' = if (privateNetwork) {
  name: 'table-endpoint-${suffix}'
  params: {
    name: '${environmentName}-pe-table-${suffix}'
    location: location
    tags: allTags
    targetId: storage.outputs.id
    groupId: 'table'
    subnetId: network!.outputs.privateEndpointsSubnetId
    zoneId: network!.outputs.tableZoneId
  }
}

module foundry 'modules/foundry.bicep' = if (createFoundry) {
  name: 'foundry-${suffix}'
  params: {
    accountName: foundryAccountName
    projectName: foundryProjectName
    location: location
    tags: allTags
    modelName: modelName
    modelVersion: modelVersion
    modelSku: modelSku
    modelCapacity: modelCapacity
    agentAuthorId: deployer().objectId
  }
}

module foundryAccess 'modules/foundry-access.bicep' = if (assignFoundryRole) {
  name: 'foundry-access-${suffix}'
  scope: resourceGroup(foundrySubscription, foundryGroup)
  params: {
    accountName: foundryAccountName
    projectName: foundryProjectName
    scope: foundryRoleScope
    identityId: identity.id
    principalId: identity.properties.principalId
  }
  dependsOn: [foundry]
}

module keyVaultAccess 'modules/key-vault-access.bicep' = if (!empty(secretNames)) {
  name: 'key-vault-access-${suffix}'
  scope: resourceGroup(keyVaultSubscription, keyVaultGroup)
  params: {
    vaultName: vaultName
    secretNames: secretNames
    identityId: identity.id
    principalId: identity.properties.principalId
  }
}

// Every setting of the gateway that this template knows a value for. A blank one is left out.
var settings = {
  AZURE_CLIENT_ID: identity.properties.clientId
  FOUNDRY_CREDENTIAL: 'managed-identity'
  FOUNDRY_PROJECT_ENDPOINT: 'https://${foundryAccountName}.services.ai.azure.com/api/projects/${foundryProjectName}'
  FOUNDRY_PROJECT_RESOURCE_ID: projectId
  GATEWAY_API_KEYS: empty(callerKeysSecretName) ? callerKeys : '@Microsoft.KeyVault(SecretUri=${secretsUri}/${callerKeysSecretName})'
  GATEWAY_CONTINUITY_KEY: empty(continuityKeySecretName) ? continuityKeyWithoutVault : '@Microsoft.KeyVault(SecretUri=${secretsUri}/${continuityKeySecretName})'
  GATEWAY_ENTRA_ALLOWED_CLIENTS: join(entraAllowedApplications, ',')
  GATEWAY_ENTRA_AUDIENCE: empty(entraClientId) ? '' : '${entraClientId},api://${entraClientId}'
  GATEWAY_ENTRA_TENANT_ID: empty(entraClientId) ? '' : tenant().tenantId
  GATEWAY_OTLP_AUTH: 'entra'
  GATEWAY_OTLP_TRACES_ENDPOINT: monitoring.outputs.otlpTracesEndpoint
  THREADS_TABLE_ENDPOINT: storage.outputs.tableEndpoint
  THREADS_TABLE_NAME: threadsTableName
}

var assignRoleCommand = 'az role assignment create --role ${roles.foundryUser} --assignee-object-id ${identity.properties.principalId} --assignee-principal-type ServicePrincipal --scope ${projectId}'

module app 'modules/function-app.bicep' = {
  name: 'function-app-${suffix}'
  params: {
    name: '${environmentName}-func-${suffix}'
    planName: '${environmentName}-plan-${suffix}'
    location: location
    tags: allTags
    identityId: identity.id
    identityClientId: identity.properties.clientId
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: zoneRedundant ? max(alwaysReadyInstances, 2) : alwaysReadyInstances
    httpConcurrency: httpConcurrency
    zoneRedundant: zoneRedundant
    blobEndpoint: storage.outputs.blobEndpoint
    packageContainerUrl: storage.outputs.packageContainerUrl
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    gatewaySettings: someoneMayCall ? union(settings, gatewaySettings) : fail('Nobody may call: give callerKeys, callerKeysSecretName or entraClientId')
    allowedOrigins: allowedOrigins
    publicAccess: publicAccess
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    workspaceId: platformWorkspaceId
  }
  // The host reads its package, its blobs and its secrets as soon as it starts.
  dependsOn: [blobEndpoint, tableEndpoint, keyVaultAccess]
}

module appEndpoint 'modules/private-endpoint.bicep' = if (privateNetwork && !publicAccess) {
  name: 'sites-endpoint-${suffix}'
  params: {
    name: '${environmentName}-pe-sites-${suffix}'
    location: location
    tags: allTags
    targetId: app.outputs.id
    groupId: 'sites'
    subnetId: network!.outputs.privateEndpointsSubnetId
    zoneId: network!.outputs.sitesZoneId
  }
}

module signIn 'modules/sign-in.bicep' = if (entraOnly) {
  name: 'sign-in-${suffix}'
  params: {
    appName: app.outputs.name
    clientId: empty(entraClientId) ? fail('entraOnly needs entraClientId') : entraClientId
    allowedApplications: entraAllowedApplications
  }
}

@description('What clients use as base_url.')
output baseUrl string = '${app.outputs.origin}/v1'
@description('Name of the function app, for publishing.')
output appName string = app.outputs.name
@description('Name of the gateway\'s identity.')
output identityName string = identity.name
@description('Client id of the gateway\'s identity.')
output identityClientId string = identity.properties.clientId
@description('Object id of the gateway\'s identity, for roles on further Foundry projects.')
output identityPrincipalId string = identity.properties.principalId
@description('Name of the storage account.')
output storageAccountName string = storage.outputs.name
@description('Name of Application Insights.')
output applicationInsightsName string = monitoring.outputs.applicationInsightsName
@description('What to run next, in this order.')
output nextCommands string[] = concat(assignFoundryRole ? [] : [assignRoleCommand], [
  'cargo run --locked -p packaging'
  'az functionapp deployment source config-zip --resource-group ${resourceGroup().name} --name ${app.outputs.name} --src target/package/foundry-gateway.zip'
  'GATEWAY_KEY=<the key of a caller> scripts/smoke-test.py ${app.outputs.origin} --model <an agent> --wait 600'
])
