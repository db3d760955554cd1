//! Where spans go: a setting of ours, or the variables that every program with OpenTelemetry knows
//! (specification, "OTLP Exporter Configuration").

use std::collections::BTreeMap;

use http::Uri;

use super::reader::Reader;

/// The setting.
pub(super) const ENDPOINT: &str = "tracing.otlp_endpoint";

/// Where collectors take spans.
const PATH: &str = "/v1/traces";

/// What the variables say, unless they turn traces off.
pub(super) fn endpoint(environment: &BTreeMap<String, String>) -> Option<String> {
    let variable = |name: &str| environment.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER") == Some("none");
    if is_off {
        return None;
    }
    // The first names the path too, the second stands for all signals.
    let of_traces = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(str::to_owned);
    of_traces.or_else(|| {
        variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| format!("{}{PATH}", base.trim_end_matches('/')))
    })
}

impl Reader<'_> {
    pub(super) fn otlp_endpoint(&mut self) -> Option<String> {
        let text = self.text(ENDPOINT).to_owned();
        if text.is_empty() {
            return None;
        }
        let is_ours = |uri: &Uri| {
            let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
            // A password would be printed wherever the setting is; OTEL_EXPORTER_OTLP_HEADERS is for secrets.
            is_http
                && uri.query().is_none()
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        };
        let Some(uri) = text.parse::<Uri>().ok().filter(is_ours) else {
            self.wrong(
                ENDPOINT,
                "an http or https URL without password and query, such as `http://localhost:4318`",
            );
            return None;
        };
        let is_bare = uri.path() == "/";
        Some(if is_bare { format!("{}{PATH}", text.trim_end_matches('/')) } else { text })
    }
}
