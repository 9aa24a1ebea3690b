// A virtual network for the app, and the storage account inside it. Optional: without it, identities alone guard
// the way to the storage account.

@description('Beginning of the resources\' names.')
param namePrefix string
@description('End of the resources\' names.')
param nameSuffix string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Address range of the network, /26 or larger.')
param addressPrefix string

// What is behind a private endpoint is found in these zones.
var zoneNames = [
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
  'privatelink.azurewebsites.net'
]

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: '${namePrefix}-vnet-${nameSuffix}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        // Flex Consumption wants this delegation, not that of other plans, and no underscore in the name.
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 27, 0)
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'private-endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 27, 1)
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }

  resource app 'subnets' existing = {
    name: 'app'
  }

  resource privateEndpoints 'subnets' existing = {
    name: 'private-endpoints'
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zoneName in zoneNames: {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zoneName, index) in zoneNames: {
    parent: zones[index]
    name: '${namePrefix}-${nameSuffix}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

@description('Subnet of the app\'s outgoing connections.')
output appSubnetId string = network::app.id
@description('Subnet of the private endpoints.')
output privateEndpointsSubnetId string = network::privateEndpoints.id
@description('Zone of storage accounts\' blobs.')
output blobZoneId string = zones[0].id
@description('Zone of storage accounts\' tables.')
output tableZoneId string = zones[1].id
@description('Zone of function apps.')
output sitesZoneId string = zones[2].id
