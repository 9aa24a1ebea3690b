//! Who is sending: the resource of all telemetry.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use crate::{config::telemetry::ResourceConfig, random_id::random_id};

/// The resource of this process.
pub(super) fn of_process(config: &ResourceConfig) -> Resource {
    let given = config
        .attributes
        .iter()
        .map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    let instance = config.instance_id.clone().unwrap_or_else(|| random_id(""));
    // Later ones replace earlier ones of the same name.
    let mut builder = Resource::builder_empty()
        .with_attributes(given)
        .with_attributes([
            KeyValue::new("service.name", config.service_name.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.clone()),
            KeyValue::new("telemetry.sdk.name", "opentelemetry"),
            KeyValue::new("telemetry.sdk.language", "rust"),
        ]);
    if let Some(app) = &config.app_name {
        builder = builder.with_attributes([
            KeyValue::new("cloud.provider", "azure"),
            KeyValue::new("cloud.platform", "azure.functions"),
            KeyValue::new("faas.name", app.clone()),
            KeyValue::new("faas.instance", instance),
        ]);
    }
    if let Some(region) = &config.region {
        builder = builder.with_attribute(KeyValue::new("cloud.region", region.clone()));
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use opentelemetry::{Key, Value};

    use super::*;
    use crate::config::Environment;

    #[test]
    fn what_is_told_to_the_gateway_is_on_its_telemetry_under_its_own_name() {
        let environment = Environment::from_iter([
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=the-host,team=blue",
            ),
            ("WEBSITE_SITE_NAME", "my-app"),
            ("REGION_NAME", "Sweden Central"),
        ]);
        let resource = of_process(&ResourceConfig::from_environment(&environment));
        let text = |name: &'static str| resource.get(&Key::new(name));
        for (name, value) in [
            ("service.name", "foundry-gateway"),
            ("team", "blue"),
            ("faas.name", "my-app"),
            ("cloud.region", "Sweden Central"),
        ] {
            assert_eq!(text(name), Some(Value::from(value)), "{name}");
        }
        let bare = of_process(&ResourceConfig::from_environment(&Environment::default()));
        assert_eq!(bare.get(&Key::new("faas.name")), None);
    }
}
