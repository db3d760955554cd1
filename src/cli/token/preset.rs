//! Tokens as well-known providers make them: the members of header and claims, with values that stand for theirs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::cases::Shape;
use crate::time::UnixTime;

/// What differs from token to token.
pub struct Look<'l> {
    pub iss: Option<&'l str>,
    pub audience: Option<&'l str>,
    pub now: UnixTime,
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Look<'_> {
    /// The shape of a preset's tokens.
    pub fn of(&self, preset: &str) -> Shape {
        let id = Uuid::new_v4().to_string();
        let now = self.now.seconds();
        let audience = self.audience.unwrap_or("api");
        let iss = self.iss.unwrap_or("https://issuer.example.com");
        let (kind, claims) = match preset {
            "keycloak" => (
                Some("JWT"),
                json!({ "iss": iss, "aud": audience, "typ": "Bearer", "azp": "app", "sub": id, "iat": now,
                    "jti": format!("onrtac:{id}"), "scope": "profile email" }),
            ),
            "auth0" => (
                Some("JWT"),
                json!({ "iss": iss, "aud": audience, "azp": "app", "sub": format!("auth0|{id}"), "iat": now }),
            ),
            "okta" => (
                None,
                json!({ "ver": 1, "jti": format!("AT.{id}"), "iss": iss, "aud": audience, "cid": "app",
                    "sub": "user@example.com", "iat": now }),
            ),
            "entra" => (
                Some("JWT"),
                json!({ "ver": "2.0", "iss": iss, "aud": audience, "azp": "app", "oid": id, "sub": id,
                    "iat": now, "nbf": now }),
            ),
            "cognito" => (
                None,
                json!({ "iss": iss, "client_id": audience, "token_use": "access", "sub": id, "version": 2,
                    "auth_time": now, "iat": now, "jti": id }),
            ),
            "google" => (
                Some("JWT"),
                json!({ "iss": self.iss.unwrap_or("https://accounts.google.com"), "aud": audience,
                    "azp": audience, "sub": "110169484474386276334", "iat": now }),
            ),
            "kubernetes" => (
                None,
                json!({ "iss": self.iss.unwrap_or("https://kubernetes.default.svc"), "aud": [audience],
                    "sub": "system:serviceaccount:default:app", "iat": now, "nbf": now,
                    "kubernetes.io": { "namespace": "default", "serviceaccount": { "name": "app", "uid": id } } }),
            ),
            // No `iss`.
            "passport" => (
                Some("JWT"),
                json!({ "aud": audience, "jti": id.replace('-', ""), "sub": "1", "iat": now, "nbf": now,
                    "scopes": [] }),
            ),
            "tymon" => (
                Some("JWT"),
                json!({ "iss": iss, "sub": "1", "iat": now, "nbf": now, "jti": id.replace('-', "") }),
            ),
            _ => (
                Some("at+jwt"),
                json!({ "iss": iss, "aud": audience, "sub": id, "client_id": "app", "iat": now, "jti": id }),
            ),
        };
        let mut header = Map::new();
        if let Some(kind) = kind {
            header.insert("typ".to_owned(), kind.into());
        }
        let claims = match claims {
            Value::Object(claims) => claims,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        };
        Shape { header, claims, place: None }
    }
}
