use super::*;

fn read(settings: &[(&str, &str)]) -> Result<TelemetryConfig, String> {
    TelemetryConfig::from_environment(&settings.iter().copied().collect())
        .map_err(|error| error.to_string())
}

/// Where spans, metrics and log records go.
fn endpoints(settings: &[(&str, &str)]) -> [Option<String>; 3] {
    let config = read(settings).unwrap();
    let traces = config.traces.map(|traces| match traces.destination {
        TracesDestination::Otlp(otlp) => otlp.endpoint.to_string(),
        TracesDestination::ApplicationInsights { .. } => "application insights".to_owned(),
    });
    let metrics = config
        .metrics
        .map(|metrics| metrics.destination.endpoint.to_string());
    let logs = config.logs.map(|logs| logs.endpoint.to_string());
    [traces, metrics, logs]
}

fn otlp(config: &TelemetryConfig) -> &OtlpConfig {
    match &config.traces.as_ref().unwrap().destination {
        TracesDestination::Otlp(otlp) => otlp,
        TracesDestination::ApplicationInsights { .. } => panic!("not OTLP"),
    }
}

const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
const OWN: (&str, &str) = (
    "GATEWAY_OTLP_TRACES_ENDPOINT",
    "https://dce.example/x/otlp/v1/traces",
);
const INSIGHTS: (&str, &str) = ("GATEWAY_APPLICATION_INSIGHTS", "true");
const STRING: (&str, &str) = (
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "InstrumentationKey=hunter2;IngestionEndpoint=https://a.example/",
);

#[test]
fn each_signal_has_the_endpoint_of_its_nearest_name() {
    let at = |url: &str| Some(url.to_owned());
    assert_eq!(endpoints(&[]), [None, None, None]);
    assert_eq!(
        endpoints(&[GENERAL]),
        [
            at("http://127.0.0.1:4318/v1/traces"),
            at("http://127.0.0.1:4318/v1/metrics"),
            None
        ]
    );
    assert_eq!(
        endpoints(&[
            GENERAL,
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "none")
        ]),
        [
            at("http://127.0.0.1:4318/v1/traces"),
            None,
            at("http://127.0.0.1:4318/v1/logs")
        ]
    );
    let one = (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://a.example/spans",
    );
    assert_eq!(
        endpoints(&[one]),
        [at("http://a.example/spans"), None, None]
    );
    assert_eq!(
        endpoints(&[OWN, one, GENERAL])[0],
        at("https://dce.example/x/otlp/v1/traces")
    );
    let none = ("OTEL_TRACES_EXPORTER", "none");
    assert_eq!(endpoints(&[one, none]), [None, None, None]);
    assert_eq!(endpoints(&[OWN, none])[0], at(OWN.1), "the own name wins");
    assert_eq!(
        endpoints(&[OWN, GENERAL, ("OTEL_SDK_DISABLED", "true")]),
        [None, None, None]
    );
}

#[test]
fn headers_of_one_receiver_are_not_sent_to_another() {
    let general = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20secret, x-other=b");
    let names = |settings: &[(&str, &str)]| {
        let headers = otlp(&read(settings).unwrap()).headers.clone();
        headers
            .0
            .iter()
            .map(|(name, _)| name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&[GENERAL, general]), ["x-key", "x-other"]);
    assert_eq!(names(&[OWN, general]), Vec::<String>::new());
    let own = ("GATEWAY_OTLP_HEADERS", "x-own=c");
    assert_eq!(names(&[OWN, general, own]), ["x-own"]);
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-traces=d");
    assert_eq!(names(&[GENERAL, general, traces]), ["x-traces"]);
    let shown = format!("{:?}", read(&[GENERAL, general]).unwrap());
    assert!(
        shown.contains("x-key") && !shown.contains("secret"),
        "{shown}"
    );
}

#[test]
fn a_token_goes_to_the_gateways_own_endpoints_over_https_only() {
    let entra = ("GATEWAY_OTLP_AUTH", "entra");
    let scope = "https://monitor.azure.com/.default".to_owned();
    assert_eq!(
        otlp(&read(&[OWN, entra]).unwrap()).auth,
        OtlpAuth::Entra { scope }
    );
    let both = read(&[OWN, entra, GENERAL]).unwrap();
    assert_eq!(both.metrics.unwrap().destination.auth, OtlpAuth::None);
    let error = read(&[GENERAL, entra]).unwrap_err();
    assert!(error.contains("and none is set"), "{error}");
    let plain = ("GATEWAY_OTLP_TRACES_ENDPOINT", "http://a.example/");
    let error = read(&[plain, entra]).unwrap_err();
    assert!(error.starts_with("GATEWAY_OTLP_TRACES_ENDPOINT"), "{error}");
    assert!(
        read(&[
            ("GATEWAY_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/"),
            entra
        ])
        .is_ok()
    );
}

#[test]
fn a_connection_string_counts_only_if_the_gateway_is_told_so_and_alone() {
    assert_eq!(endpoints(&[STRING]), [None, None, None]);
    assert_eq!(
        endpoints(&[STRING, INSIGHTS])[0].as_deref(),
        Some("application insights")
    );
    assert!(
        read(&[INSIGHTS])
            .unwrap_err()
            .contains("CONNECTION_STRING is not set")
    );
    assert!(
        read(&[STRING, INSIGHTS, OWN])
            .unwrap_err()
            .contains("counted twice")
    );
    let shown = format!("{:?}", read(&[STRING, INSIGHTS]).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn content_is_recorded_only_when_asked_for() {
    const SETTING: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    let recorded = |value: &str| {
        let config = read(&[OWN, (SETTING, value)])?;
        Ok::<_, String>(config.traces.unwrap().capture_content)
    };
    assert_eq!(recorded(""), Ok(false));
    for (value, expected) in [
        ("true", true),
        ("SPAN_ONLY", true),
        ("False", false),
        ("NO_CONTENT", false),
    ] {
        assert_eq!(recorded(value), Ok(expected), "{value}");
    }
    assert!(recorded("EVENT_ONLY").unwrap_err().starts_with(SETTING));
}

#[test]
fn values_that_cannot_be_used_are_named() {
    let rows = [
        ("GATEWAY_OTLP_TRACES_ENDPOINT", "collector:4318"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://user:hunter2@a.example",
        ),
        ("GATEWAY_OTLP_AUTH", "basic"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("GATEWAY_TRACE_SAMPLE_RATIO", "2"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
    ];
    for row in rows {
        let error = read(&[GENERAL, row]).unwrap_err();
        assert!(
            error.starts_with(row.0) && !error.contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn the_gateway_has_a_name_of_its_own_and_knows_where_it_runs() {
    let environment = Environment::from_iter([
        ("OTEL_SERVICE_NAME", "the-host"),
        ("WEBSITE_SITE_NAME", "my-app"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "team=a%20b, broken,deployment.environment.name=test",
        ),
    ]);
    let resource = ResourceConfig::from_environment(&environment);
    assert_eq!(resource.service_name, "foundry-gateway");
    assert_eq!(resource.app_name.as_deref(), Some("my-app"));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        resource.attributes,
        [
            pair("team", "a b"),
            pair("deployment.environment.name", "test")
        ]
    );
}

#[test]
fn the_log_tells_which_signals_are_sent() {
    let told = |settings: &[(&str, &str)]| read(settings).unwrap().told();
    assert_eq!(told(&[]), "none");
    assert_eq!(told(&[OWN]), "traces");
    assert_eq!(told(&[GENERAL]), "traces,metrics");
    let logs = ("OTEL_LOGS_EXPORTER", "otlp");
    assert_eq!(told(&[GENERAL, logs]), "traces,metrics,logs");
}

#[test]
fn a_token_is_asked_for_only_where_a_receiver_wants_one() {
    let scope =
        |settings: &[(&str, &str)]| read(settings).unwrap().token_scope().map(str::to_owned);
    let entra = ("GATEWAY_OTLP_AUTH", "entra");
    assert_eq!(scope(&[]), None);
    assert_eq!(scope(&[OWN, GENERAL]), None);
    assert_eq!(
        scope(&[OWN, GENERAL, entra]).as_deref(),
        Some("https://monitor.azure.com/.default")
    );
    let own = ("GATEWAY_OTLP_SCOPE", "https://monitor.azure.us/.default");
    assert_eq!(
        scope(&[OWN, entra, own]).as_deref(),
        Some("https://monitor.azure.us/.default")
    );
}

#[test]
fn what_is_sent_is_compressed_unless_that_is_switched_off() {
    let gzip = |value| {
        let setting = ("OTEL_EXPORTER_OTLP_COMPRESSION", value);
        otlp(&read(&[GENERAL, setting]).unwrap()).gzip
    };
    assert!(gzip("") && gzip("gzip"));
    assert!(!gzip("none"));
}

#[test]
fn an_address_with_a_user_or_a_password_is_refused() {
    for address in ["http://user@a.example", "http://:hunter2@a.example"] {
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", address)]).unwrap_err();
        assert!(error.contains("put them into a header"), "{error}");
    }
}
