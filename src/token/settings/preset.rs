//! Where well-known issuers keep things in their tokens.

use super::Read;
use crate::token::claims::ClaimPath;

/// A row of the table of presets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// Claim paths.
    pub read: Read,
    /// A scope that stands for all.
    pub scope_wildcard: Option<Box<str>>,
}

impl Default for Preset {
    fn default() -> Self {
        Self {
            read: Read {
                subject: claims(&["sub"]),
                scopes: claims(&["scope", "scp"]),
                roles: claims(&["roles"]),
                groups: claims(&["groups"]),
                permissions: claims(&["permissions", "entitlements"]),
                audience: claims(&["aud"]),
                must_equal: Vec::new(),
            },
            scope_wildcard: None,
        }
    }
}

impl Preset {
    /// All names.
    pub const NAMES: [&'static str; 10] = [
        "rfc9068",
        "keycloak",
        "auth0",
        "okta",
        "entra",
        "cognito",
        "google",
        "kubernetes",
        "passport",
        "tymon",
    ];

    /// Finds a preset; `client` is the one whose roles Keycloak keeps apart.
    #[must_use]
    pub fn named(name: &str, client: Option<&str>) -> Option<Self> {
        let base = Self::default();
        let none = Read {
            scopes: Vec::new(),
            roles: Vec::new(),
            groups: Vec::new(),
            permissions: Vec::new(),
            ..base.read.clone()
        };
        let read = match name {
            "rfc9068" => base.read,
            "keycloak" => Read {
                scopes: claims(&["scope"]),
                roles: keycloak_roles(client),
                groups: claims(&["groups"]),
                must_equal: vec![(ClaimPath::claim("typ"), "Bearer".into())],
                ..none
            },
            "auth0" => Read { scopes: claims(&["scope"]), permissions: claims(&["permissions"]), ..none },
            "okta" => Read { scopes: claims(&["scp"]), groups: claims(&["groups"]), ..none },
            "entra" => Read {
                subject: claims(&["oid", "sub"]),
                scopes: claims(&["scp"]),
                roles: claims(&["roles"]),
                groups: claims(&["groups"]),
                ..none
            },
            "cognito" => Read {
                scopes: claims(&["scope"]),
                groups: claims(&["cognito:groups"]),
                audience: claims(&["client_id"]),
                must_equal: vec![(ClaimPath::claim("token_use"), "access".into())],
                ..none
            },
            "google" | "kubernetes" => none,
            "passport" => {
                let read = Read { scopes: claims(&["scopes"]), ..none };
                return Some(Self { read, scope_wildcard: Some("*".into()) });
            }
            "tymon" => Read { roles: claims(&["role", "roles"]), ..none },
            _ => return None,
        };
        Some(Self { read, scope_wildcard: None })
    }
}

fn claims(names: &[&str]) -> Vec<ClaimPath> {
    names.iter().map(|name| ClaimPath::claim(name)).collect()
}

fn keycloak_roles(client: Option<&str>) -> Vec<ClaimPath> {
    let mut paths = vec![ClaimPath::of(["realm_access", "roles"])];
    paths.extend(client.map(|client| ClaimPath::of(["resource_access", client, "roles"])));
    paths
}
