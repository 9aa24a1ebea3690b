// Lets the app read single secrets of an existing key vault, and no others.
// A module of its own, because the vault may be in another resource group or subscription.

import { roles } from '../roles.bicep'

@description('Name of the key vault; its access has to be governed by roles, not by access policies.')
param vaultName string
@description('Names of the secrets.')
param secretNames string[]
@description('Resource id of the gateway\'s identity, from which the names of role assignments are made.')
param identityId string
@description('Object id of the gateway\'s identity.')
param principalId string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource secrets 'Microsoft.KeyVault/vaults/secrets@2026-02-01' existing = [
  for secretName in secretNames: {
    parent: vault
    name: secretName
  }
]

resource readers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (secretName, index) in secretNames: {
    name: guid(vault.id, secretName, identityId, roles.keyVaultSecretsUser)
    scope: secrets[index]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
      principalId: principalId
      principalType: 'ServicePrincipal'
      description: 'Gateway: app settings that refer to this secret'
    }
  }
]
