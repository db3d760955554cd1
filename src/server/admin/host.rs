//! Whether a browser may have been led here by a foreign page whose name was pointed at us (DNS rebinding):
//! such a request names a public host, and whoever reads these pages by address or by a name of the machine
//! or the cluster does not.

use std::net::IpAddr;

/// Ends of names that nobody can register (RFC 6761, RFC 6762, ICANN 2024 for `internal`), and the cluster's.
const PRIVATE: [&str; 4] = [".localhost", ".local", ".internal", ".svc"];

/// Whether a `Host` is an address, a name without a dot, or one that only a private resolver knows.
pub(super) fn is_private(host: &str) -> bool {
    let name = without_port(host);
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if literal.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    !name.is_empty() && (!name.contains('.') || PRIVATE.iter().any(|end| name.ends_with(end)))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_private_names_are_ours() {
        for host in [
            "127.0.0.1:9193",
            "10.1.2.3",
            "[::1]:9193",
            "[fd00::1]",
            "localhost:9193",
            "portcullis:9193",
            "PORTCULLIS.shop.svc:9193",
            "portcullis.shop.svc.cluster.local.",
        ] {
            assert!(is_private(host), "{host}");
        }
    }

    #[test]
    fn a_name_that_somebody_can_register_is_not() {
        for host in [
            "",
            ":9193",
            "evil.example",
            "evil.example:9193",
            "127.0.0.1.evil.example",
            "local.evil.example.",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }
}
