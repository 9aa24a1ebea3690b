// A Foundry account with a project and a model, for a first try. Agents are made in the project afterwards.

import { roles } from '../roles.bicep'

@description('Name of the account, also its subdomain, so it has to be free in all of Azure.')
@minLength(2)
@maxLength(64)
param accountName string
@description('Name of the project.')
@minLength(2)
@maxLength(64)
param projectName string
@description('Azure region; it has to offer the model.')
param location string
@description('Tags of every resource.')
param tags object
@description('Model that agents can use, such as gpt-4.1-mini.')
param modelName string
@description('Version of the model.')
param modelVersion string
@description('Kind of the deployment, such as GlobalStandard.')
param modelSku string
@description('Thousands of tokens a minute.')
@minValue(1)
param modelCapacity int
@description('Object id of who deploys, and may then make agents in the project; empty for nobody.')
param agentAuthorId string

resource account 'Microsoft.CognitiveServices/accounts@2026-03-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'AIServices'
  sku: {
    name: 'S0'
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    allowProjectManagement: true
    customSubDomainName: accountName
    disableLocalAuth: true
    publicNetworkAccess: 'Enabled'
  }

  resource project 'projects' = {
    name: projectName
    location: location
    tags: tags
    identity: {
      type: 'SystemAssigned'
    }
    properties: {
      displayName: projectName
      description: 'Agents behind the gateway'
    }
  }

  resource model 'deployments' = {
    name: modelName
    sku: {
      name: modelSku
      capacity: modelCapacity
    }
    properties: {
      model: {
        format: 'OpenAI'
        name: modelName
        version: modelVersion
      }
    }
    // The account takes one change at a time.
    dependsOn: [project]
  }
}

resource agentAuthor 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(agentAuthorId)) {
  name: guid(account::project.id, agentAuthorId, roles.foundryUser)
  scope: account::project
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.foundryUser)
    principalId: agentAuthorId
    description: 'Who deployed: makes agents for a first try'
  }
}
