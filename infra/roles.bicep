// The built-in roles that the gateway's identity gets, by their ids, which are the same in every tenant.
// docs/deploy.md has the table of what each is for; the tests hold both to the code.

@export()
@description('Ids of built-in roles.')
var roles = {
  // Runs agents, reads their list and definitions. It was once named Azure AI User.
  foundryUser: '53ca6127-db72-4b80-b1b0-d745d6d5456d'
  // Reads a secret of a key vault.
  keyVaultSecretsUser: '4633458b-17de-408a-874b-0445c86b69e6'
  // Sends telemetry: the gateway to the data collection rule, the host to Application Insights.
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  // The Functions host: deployment package, leases of timers, keys.
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  // Reads and writes the rows of conversations.
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}
