//! What the upstream is told of an allowed request: header templates, removals, the token.

/// Headers to set and to remove for one route.
#[derive(Debug, Clone, Default)]
pub struct UpstreamPlan {}
