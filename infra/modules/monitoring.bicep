// Where logs and traces go: a workspace, Application Insights on it for the host, and an OTLP endpoint for the
// gateway's own spans. Nothing takes a key: senders sign in with an identity.

import { roles } from '../roles.bicep'

@description('Beginning of the resources\' names.')
param namePrefix string
@description('End of the resources\' names.')
param nameSuffix string
@description('Azure region; all of them are in the same one, as the data collection rule asks.')
param location string
@description('Tags of every resource.')
param tags object
@description('How long logs and traces are kept, in days; the first 31 cost nothing.')
@minValue(30)
@maxValue(730)
param retentionDays int
@description('The most that is taken in a day, in GB; -1 for no limit.')
param dailyLimitGb int
@description('Resource id of the gateway\'s identity, from which the names of role assignments are made.')
param identityId string
@description('Object id of the gateway\'s identity.')
param principalId string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: '${namePrefix}-log-${nameSuffix}'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyLimitGb
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${namePrefix}-appi-${nameSuffix}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
  }
}

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2024-03-11' = {
  name: '${namePrefix}-dce-${nameSuffix}'
  location: location
  tags: tags
  properties: {
    networkAcls: {
      publicNetworkAccess: 'Enabled'
    }
  }
}

var spanStreams = [
  'Microsoft-OTel-Traces-Spans'
  'Microsoft-OTel-Traces-Events'
  'Microsoft-OTel-Traces-Resources'
]

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' = {
  name: '${namePrefix}-dcr-${nameSuffix}'
  location: location
  tags: tags
  properties: {
    description: 'OTLP spans of the gateway'
    dataCollectionEndpointId: endpoint.id
    references: {
      applicationInsights: [{ name: 'applicationInsights', resourceId: applicationInsights.id }]
    }
    directDataSources: {
      otelTraces: [
        {
          name: 'spans'
          streams: spanStreams
          enrichWithResourceAttributes: ['*']
          enrichWithReference: 'applicationInsights'
          replaceResourceIdWithReference: true
        }
      ]
    }
    destinations: {
      logAnalytics: [{ name: 'workspace', workspaceResourceId: workspace.id }]
    }
    dataFlows: [{ streams: spanStreams, destinations: ['workspace'] }]
  }
}

resource spansOfTheGateway 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(rule.id, identityId, roles.monitoringMetricsPublisher)
  scope: rule
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Gateway: spans by OTLP'
  }
}

resource telemetryOfTheHost 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(applicationInsights.id, identityId, roles.monitoringMetricsPublisher)
  scope: applicationInsights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Functions host: requests and log lines'
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspace.id
@description('Name of Application Insights.')
output applicationInsightsName string = applicationInsights.name
@description('Resource id of Application Insights.')
output applicationInsightsId string = applicationInsights.id
@description('Connection string of Application Insights. It names a place and opens nothing: local authentication is off.')
output connectionString string = applicationInsights.properties.ConnectionString
@description('Where the gateway posts its spans by OTLP/HTTP; the name of the stream is case-sensitive.')
output otlpTracesEndpoint string = '${endpoint.properties.logsIngestion.endpoint}/dataCollectionRules/${rule.properties.immutableId}/streams/Microsoft-OTLP-Traces/otlp/v1/traces'
