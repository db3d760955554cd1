//! Where keys may be fetched from. The compiler looks at what the policy names; metadata may name something else,
//! and whoever writes them must not send us to the machine that we run on.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;

use crate::token::settings::Access;

use super::failure::{Cause, shown};

/// Whether a URL may be asked: one that the policy names (`home`), or one that metadata from there name.
pub(super) fn allowed(url: &Uri, home: &Uri, access: &Access) -> Result<(), Cause> {
    let told = || shown(url.to_string().as_bytes());
    let Some(host) = url.host() else { return Err(Cause::Url(told())) };
    if is_near(host) && !home.host().is_some_and(is_near) {
        return Err(Cause::Near(told()));
    }
    match url.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if access.insecure_http || is_plain_loopback(url) && is_plain_loopback(home) => Ok(()),
        Some(_) | None => Err(Cause::PlainHttp(told())),
    }
}

/// Plain http where nobody else can listen.
fn is_plain_loopback(url: &Uri) -> bool {
    let is_loopback =
        |host: &str| host == "localhost" || address(host).is_some_and(|address| address.is_loopback());
    url.scheme_str() == Some("http") && url.host().is_some_and(is_loopback)
}

/// This machine, or what only those beside it reach: loopback, link-local (metadata of clouds) and unspecified
/// addresses, however they are written. Names are not looked up.
fn is_near(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    match address(&name) {
        Some(IpAddr::V4(address)) => {
            address.is_loopback() || address.is_link_local() || address.octets()[0] == 0
        }
        Some(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local()
        }
        // `127.1`, `2130706433` and `0x7f000001` are addresses to the resolver; `[fe80::1%eth0]` has a zone.
        None => {
            let last = name.rsplit('.').next().unwrap_or_default();
            name.starts_with('[') || last.starts_with(|letter: char| letter.is_ascii_digit())
        }
    }
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(|address| address.to_canonical()),
        None => host.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(url: &str, home: &str, insecure_http: bool) -> &'static str {
        let access = Access { insecure_http, ..Access::default() };
        let [url, home] = [url, home].map(|text| text.parse::<Uri>().expect(text));
        match allowed(&url, &home, &access) {
            Ok(()) => "allowed",
            Err(Cause::Near(_)) => "near",
            Err(Cause::PlainHttp(_)) => "plain http",
            Err(_) => "another cause",
        }
    }

    #[test]
    fn metadata_from_elsewhere_name_no_place_near_us_however_it_is_written() {
        let near = [
            "127.0.0.1",
            "127.9.9.9",
            "localhost",
            "LocalHost.",
            "a.localhost",
            "[::1]",
            "[::]",
            "0.0.0.0",
            "0.0.0.1",
            "169.254.169.254",
            "[fe80::1]",
            "[febf::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:169.254.169.254]",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.0.0.1.",
        ];
        let far = [
            "keys.example.com",
            "www.googleapis.com",
            "192.0.2.7",
            "10.0.0.7",
            "[2001:db8::1]",
            "localhost.example.com",
            "1e100.net",
        ];
        for host in near {
            for port in ["", ":8443"] {
                let url = format!("https://{host}{port}/keys");
                assert_eq!(judge(&url, "https://auth.example.com/", false), "near", "{url}");
                assert_eq!(judge(&url, "https://127.0.0.1:1/", false), "allowed", "{url}");
                let url = format!("http://{host}{port}/keys");
                assert_eq!(judge(&url, "http://auth.example.com/", true), "near", "{url}");
                assert_eq!(judge(&url, "https://auth.example.com/", false), "near", "{url}");
            }
        }
        for host in far {
            let [https, http] = ["https", "http"].map(|scheme| format!("{scheme}://{host}/keys"));
            for home in ["https://auth.example.com/", "http://127.0.0.1:1/"] {
                assert_eq!(judge(&https, home, false), "allowed", "{https} {home}");
                assert_eq!(judge(&http, home, false), "plain http", "{http} {home}");
                assert_eq!(judge(&http, home, true), "allowed", "{http} {home}");
            }
        }
    }

    #[test]
    fn plain_http_on_loopback_is_named_by_those_who_are_there_and_speak_it() {
        for (url, home, wanted) in [
            ("http://127.0.0.1:2/keys", "http://127.0.0.1:1/", "allowed"),
            ("http://[::1]:2/keys", "http://localhost:1/", "allowed"),
            ("http://127.0.0.1:1/keys", "https://127.0.0.1:1/", "plain http"),
            ("http://127.0.0.1:1/keys", "https://auth.example.com/", "near"),
            ("http://169.254.169.254/keys", "http://127.0.0.1:1/", "plain http"),
            ("http://127.1/keys", "http://127.0.0.1:1/", "plain http"),
            ("/keys", "http://127.0.0.1:1/", "another cause"),
            ("ftp://keys.example.com/", "http://127.0.0.1:1/", "plain http"),
        ] {
            assert_eq!(judge(url, home, false), wanted, "{url} {home}");
        }
    }
}
