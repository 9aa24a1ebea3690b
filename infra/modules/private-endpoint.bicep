// One resource at an address inside the virtual network, under its usual name.

@description('Name of the endpoint.')
param name string
@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('The resource that is reached.')
param targetId string
@description('The part of it that is reached: blob, table, sites.')
param groupId string
@description('Subnet of the endpoint.')
param subnetId string
@description('Private DNS zone in which its name is found.')
param zoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: targetId
          groupIds: [groupId]
        }
      }
    ]
  }
}

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: groupId
        properties: {
          privateDnsZoneId: zoneId
        }
      }
    ]
  }
}
