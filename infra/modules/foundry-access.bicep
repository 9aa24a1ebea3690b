// What the gateway may do in Foundry: run agents of one project, or of all projects of an account.
// A module of its own, because the account may be in another resource group or subscription.

import { roles } from '../roles.bicep'

@description('Name of the Foundry account.')
param accountName string
@description('Name of the project.')
param projectName string
@description('Whether the role is for the project alone, or for every project of the account.')
@allowed(['project', 'account'])
param scope string
@description('Resource id of the gateway\'s identity, from which the names of role assignments are made.')
param identityId string
@description('Object id of the gateway\'s identity.')
param principalId string

resource account 'Microsoft.CognitiveServices/accounts@2026-03-01' existing = {
  name: accountName

  resource project 'projects' existing = {
    name: projectName
  }
}

resource onProject 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (scope == 'project') {
  name: guid(account::project.id, identityId, roles.foundryUser)
  scope: account::project
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.foundryUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Gateway: runs the agents of the project'
  }
}

resource onAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (scope == 'account') {
  name: guid(account.id, identityId, roles.foundryUser)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.foundryUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Gateway: runs the agents of every project of the account'
  }
}
