// The Flex Consumption plan and the function app on it, with every app setting.

@description('Name of the function app, also its subdomain.')
@minLength(2)
@maxLength(60)
param name string
@description('Name of the plan; a Flex Consumption plan holds one app.')
param planName string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Resource id of the gateway\'s identity.')
param identityId string
@description('Client id of the gateway\'s identity.')
param identityClientId string

@description('Memory of an instance in MB; it brings the processor with it: 0.25, 1 and 2 cores.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int
@description('The most instances that run at a time.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int
@description('Instances that are kept running, so that nobody waits for a cold start.')
@minValue(0)
param alwaysReadyInstances int
@description('Requests that one instance answers at a time before another is started.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int
@description('Whether instances are spread over the zones of the region.')
param zoneRedundant bool

@description('Where the host keeps its blobs.')
param blobEndpoint string
@description('Container of the deployment package.')
param packageContainerUrl string
@description('Connection string of Application Insights, for the host.')
param applicationInsightsConnectionString string
@description('Settings of the gateway by name; a blank value is left out.')
@secure()
param gatewaySettings object

@description('Origins of browser applications that may call; nothing but the platform answers their preflights.')
param allowedOrigins string[]
@description('Whether the app can be reached from the internet.')
param publicAccess bool
@description('Subnet of outgoing connections; empty for none.')
param subnetId string
@description('Workspace for the host\'s log and metrics; empty for none.')
param workspaceId string

// Names that the host reads. Flex Consumption refuses FUNCTIONS_WORKER_RUNTIME and WEBSITE_RUN_FROM_PACKAGE.
// Of the storage services the host needs blobs alone, so it is told of no queue and no table.
var hostSettings = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  AzureWebJobsDisableHomepage: 'true'
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__credential: 'managedidentity'
}
var givenSettings = filter(items(gatewaySettings), setting => !empty(setting.value))

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // azd finds the app to deploy to by this tag; azure.yaml has the name.
  tags: union(tags, { 'azd-service-name': 'gateway' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      cors: {
        allowedOrigins: allowedOrigins
        supportCredentials: false
      }
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyInstances }]
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(hostSettings, toObject(givenSettings, setting => setting.key, setting => setting.value))
  }

  // Publishing signs in with Entra; user names and passwords are off.
  resource ftpPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource scmPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(workspaceId)) {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Resource id of the app.')
output id string = app.id
@description('Name of the app.')
output name string = app.name
@description('Where clients connect, without a path.')
output origin string = 'https://${app.properties.defaultHostName}'
