// App Service authentication in front of the gateway: only callers with an Entra token of this app get through.
// There is no client secret, because nobody signs in here; tokens are only checked.

@description('Name of the function app.')
param appName string
@description('Application (client) id of the app registration that stands for the gateway.')
param clientId string
@description('Client ids of the applications that may call; empty for every application and user of the tenant with a token for the gateway.')
param allowedApplications string[]

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource signIn 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      // Probes carry no token, and these two tell no secrets.
      excludedPaths: ['/healthz', '/readyz']
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [clientId, 'api://${clientId}']
          defaultAuthorizationPolicy: empty(allowedApplications) ? {} : { allowedApplications: allowedApplications }
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}
