// The workbook that shows an operator what the gateway's agents did. Its queries are those of docs/observability.md.

@description('Azure region.')
param location string
@description('Tags of every resource.')
param tags object
@description('Resource id of the Application Insights whose spans are shown.')
param applicationInsightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // The name of a workbook is a GUID; the same place gets the same one again.
  name: guid(applicationInsightsId, 'foundry-gateway')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Foundry Gateway'
    category: 'workbook'
    sourceId: applicationInsightsId
    version: 'Notebook/1.0'
    serializedData: loadTextContent('workbook.json')
  }
}

@description('Resource id of the workbook.')
output workbookId string = workbook.id
