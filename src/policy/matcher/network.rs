//! The peer: its address and its mutual-TLS identity.

use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::Text;
use crate::policy::tri::Tri;
use crate::token::claims::{ClaimPath, Claims};

/// A list of networks.
#[derive(Debug, Clone)]
pub struct Cidrs(Vec<Cidr>);

#[derive(Debug, Clone, Copy)]
struct Cidr {
    network: IpAddr,
    prefix: u32,
}

impl Cidrs {
    /// Reads networks and single addresses.
    pub fn compile(written: &[Text], problems: &mut Diagnostics) -> Option<Self> {
        let compiled: Vec<Option<Cidr>> = written.iter().map(|text| Cidr::compile(text, problems)).collect();
        compiled.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether an address is in one of them. An IPv4-mapped address is read as IPv4.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|cidr| cidr.contains(address))
    }
}

impl Cidr {
    fn compile(text: &Text, problems: &mut Diagnostics) -> Option<Self> {
        let (address, prefix) = match text.value.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (&*text.value, None),
        };
        let network: Option<IpAddr> = address.parse().ok();
        let longest = network.map_or(0, |network| if network.is_ipv4() { 32 } else { 128 });
        let is_number = |prefix: &&str| prefix.bytes().all(|byte| byte.is_ascii_digit());
        let length = match prefix {
            None => Some(longest),
            Some(prefix) => Some(prefix).filter(is_number).and_then(|prefix| prefix.parse().ok()),
        };
        let (Some(network), Some(prefix)) = (network, length.filter(|length| *length <= longest)) else {
            problems
                .error(codes::CIDR, text.at, format!("`{}` is no network", text.value))
                .hint("write `10.0.0.0/8`, `2001:db8::/32`, or a single address");
            return None;
        };
        let cidr = Self { network, prefix };
        let base = cidr.base();
        if base != network {
            problems
                .error(codes::CIDR, text.at, format!("`{}` has bits set beyond its prefix", text.value))
                .hint(format!("write `{base}/{prefix}` if the whole network is meant"));
            return None;
        }
        Some(cidr)
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                mask32(network.to_bits(), self.prefix) == mask32(address.to_bits(), self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                mask128(network.to_bits(), self.prefix) == mask128(address.to_bits(), self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn base(self) -> IpAddr {
        match self.network {
            IpAddr::V4(network) => {
                std::net::Ipv4Addr::from_bits(mask32(network.to_bits(), self.prefix)).into()
            }
            IpAddr::V6(network) => {
                std::net::Ipv6Addr::from_bits(mask128(network.to_bits(), self.prefix)).into()
            }
        }
    }
}

impl fmt::Display for Cidrs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Cidr { network, prefix }) in self.0.iter().enumerate() {
            let joint = if index == 0 { "" } else { " or " };
            write!(formatter, "{joint}{network}/{prefix}")?;
        }
        Ok(())
    }
}

/// Shifting by the whole width is what `checked_shl` refuses: a prefix of 0 keeps nothing.
fn mask32(bits: u32, prefix: u32) -> u32 {
    bits & u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0)
}

fn mask128(bits: u128, prefix: u32) -> u128 {
    bits & u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0)
}

/// A list of mutual-TLS identities.
#[derive(Debug, Clone)]
pub struct Principals(Vec<Principal>);

#[derive(Debug, Clone)]
enum Principal {
    Exact(Box<str>),
    Prefix(Box<str>),
    /// Bound to the token: `spiffe://example.org/{claims.workload}`.
    Bound(Vec<Part>),
}

#[derive(Debug, Clone)]
enum Part {
    Literal(Box<str>),
    Claim(ClaimPath),
}

impl Principals {
    /// Reads identities: exact, ending in `*`, or with `{claims.x}`.
    pub fn compile(written: &[Text], problems: &mut Diagnostics) -> Option<Self> {
        let compiled: Vec<Option<Principal>> = written.iter().map(|text| principal(text, problems)).collect();
        compiled.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether one of them hangs on the caller's token.
    #[must_use]
    pub fn need_caller(&self) -> bool {
        self.0.iter().any(|one| matches!(one, Principal::Bound(_)))
    }

    /// Whether an identity is one of them; without a caller a bound one cannot be told.
    #[must_use]
    pub fn contain(&self, identity: &str, claims: Option<&Claims>) -> Tri {
        Tri::any(self.0.iter().map(|one| match one {
            Principal::Exact(text) => Tri::from(**text == *identity),
            Principal::Prefix(prefix) => Tri::from(identity.starts_with(&**prefix)),
            Principal::Bound(parts) => claims.map_or(Tri::Unknown, |claims| {
                Tri::from(render(parts, claims).is_some_and(|text| text == identity))
            }),
        }))
    }
}

impl fmt::Display for Principals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, principal) in self.0.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { " or " })?;
            match principal {
                Principal::Exact(text) => formatter.write_str(text)?,
                Principal::Prefix(prefix) => write!(formatter, "{prefix}*")?,
                Principal::Bound(parts) => {
                    for part in parts {
                        match part {
                            Part::Literal(text) => formatter.write_str(text)?,
                            Part::Claim(path) => write!(formatter, "{{claims.{path}}}")?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn principal(text: &Text, problems: &mut Diagnostics) -> Option<Principal> {
    let written = &*text.value;
    if written.contains('{') {
        return match bound(written) {
            Ok(parts) => Some(Principal::Bound(parts)),
            Err(problem) => {
                problems
                    .error(codes::PRINCIPAL, text.at, format!("`{written}`: {problem}"))
                    .hint("a claim is written `{claims.path}`: `spiffe://example.org/{claims.workload}`");
                None
            }
        };
    }
    let stem = written.strip_suffix('*');
    if stem.unwrap_or(written).contains('*') || written.is_empty() {
        problems
            .error(codes::PRINCIPAL, text.at, format!("`{written}` is no identity"))
            .hint("write it whole, or end it with one `*`");
        return None;
    }
    Some(stem.map_or_else(|| Principal::Exact(written.into()), |stem| Principal::Prefix(stem.into())))
}

fn bound(written: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('{') {
        if !parts.is_empty() && !before.contains('/') {
            return Err("two claims need a `/` between them");
        }
        if !before.is_empty() {
            parts.push(Part::Literal(before.into()));
        }
        let (inside, after) = after.split_once('}').ok_or("a `{` is not closed")?;
        let path = inside
            .strip_prefix("claims.")
            .or_else(|| inside.strip_prefix("claims").filter(|rest| rest.starts_with('[')));
        parts.push(Part::Claim(ClaimPath::parse(path.ok_or("only `{claims.…}` may stand here")?)?));
        rest = after;
    }
    if rest.contains(['}', '*']) {
        return Err("it holds a stray `}` or `*`");
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.into()));
    }
    Ok(parts)
}

/// A claim that is missing, empty or no string binds to nothing, and of several only the last may hold a
/// slash: an issuer's `ns/x` must not reach into what the next claim says.
fn render(parts: &[Part], claims: &Claims) -> Option<String> {
    let last = parts.iter().rposition(|part| matches!(part, Part::Claim(_)));
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Claim(path) => {
                let claim = path.find(claims).and_then(Value::as_str).filter(|claim| !claim.is_empty())?;
                if claim.contains('/') && Some(index) != last {
                    return None;
                }
                text.push_str(claim);
            }
        }
    }
    Some(text)
}
