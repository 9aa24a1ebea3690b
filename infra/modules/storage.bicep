// The storage account: the deployment package and the host's own blobs, and the table of conversations.
// No keys: everything signs in with an identity.

import { roles } from '../roles.bicep'

@description('Name of the account, 3 to 24 lower-case letters and digits.')
@minLength(3)
@maxLength(24)
param name string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Whether the account can be reached from outside the virtual network.')
param publicAccess bool
@description('Whether the copies are kept in several zones of the region (ZRS) or in one (LRS).')
param zoneRedundant bool
@description('Name of the table in which conversations are remembered.')
param threadsTableName string
@description('Resource id of the gateway\'s identity, from which the names of role assignments are made.')
param identityId string
@description('Object id of the gateway\'s identity.')
param principalId string
@description('Workspace for the logs of reads and writes; empty for none.')
param workspaceId string

var packageContainerName = 'deployment-packages'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: publicAccess ? 'Allow' : 'Deny'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // The way back to the package before: every deployment overwrites one blob.
      isVersioningEnabled: true
      deleteRetentionPolicy: {
        enabled: true
        days: 14
      }
    }

    resource packages 'containers' = {
      name: packageContainerName
      properties: {
        publicAccess: 'None'
      }
    }
  }

  resource tables 'tableServices' = {
    name: 'default'

    resource threads 'tables' = {
      name: threadsTableName
    }
  }
}

// On the account, because the host makes its own containers in it.
resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, identityId, roles.storageBlobDataOwner)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataOwner)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Functions host: deployment package, leases of timers, keys'
  }
}

resource conversationRows 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account::tables::threads.id, identityId, roles.storageTableDataContributor)
  scope: account::tables::threads
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageTableDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Gateway: rows of conversations'
  }
}

resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(workspaceId)) {
  name: 'to-workspace'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(workspaceId)) {
  name: 'to-workspace'
  scope: account::tables
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

@description('Resource id of the account.')
output id string = account.id
@description('Name of the account.')
output name string = account.name
@description('Where the host keeps its blobs, with a slash at the end.')
output blobEndpoint string = account.properties.primaryEndpoints.blob
@description('Where the deployment package is put.')
output packageContainerUrl string = '${account.properties.primaryEndpoints.blob}${packageContainerName}'
@description('Where the table is, without a slash at the end.')
output tableEndpoint string = 'https://${account.name}.table.${environment().suffixes.storage}'
