//! What holds for the whole set: how targets are read and where the client's address stands.

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{self, Document, Paths, Text};
use crate::policy::route::ClientAddress;
use crate::request::{Overrides, Reading};

use super::issuer::is_header_name;

/// `paths` and `overrides` of the set. What a single route admits cannot be refused at the door.
pub(super) fn reading(document: &Document) -> Reading {
    let paths = document.paths.as_ref();
    // A shadow changes nothing, not even what is turned away at the door.
    let is_enforced =
        |route: &&document::Route| route.mode.as_ref().is_none_or(|mode| &*mode.value != "shadow");
    let of_routes = || document.routes.iter().filter(is_enforced).map(|route| route.paths.as_ref());
    let says = |written: Option<&Text>, word: &str| written.is_some_and(|text| &*text.value == word);
    Reading {
        case_insensitive: says(paths.and_then(|paths| paths.case.as_ref()), "insensitive"),
        merge_empty_segments: says(paths.and_then(|paths| paths.empty_segments.as_ref()), "merge"),
        admit_encoded_slashes: admits_encoded_slashes(paths) || of_routes().any(admits_encoded_slashes),
        admit_semicolons: admits_semicolons(paths) || of_routes().any(admits_semicolons),
        admit_scripts: admits_scripts(paths) || of_routes().any(admits_scripts),
        overrides: match document.overrides.as_ref().map(|text| &*text.value) {
            Some("pass") => Overrides::Pass,
            Some("remove") => Overrides::Remove,
            _ => Overrides::Reject,
        },
        ..Reading::default()
    }
}

/// `encoded_slashes: segment`.
pub(super) fn admits_encoded_slashes(paths: Option<&Paths>) -> bool {
    paths.and_then(|paths| paths.encoded_slashes.as_ref()).is_some_and(|text| &*text.value == "segment")
}

/// `semicolons: literal`.
pub(super) fn admits_semicolons(paths: Option<&Paths>) -> bool {
    paths.and_then(|paths| paths.semicolons.as_ref()).is_some_and(|text| &*text.value == "literal")
}

/// `scripts: literal`.
pub(super) fn admits_scripts(paths: Option<&Paths>) -> bool {
    paths.and_then(|paths| paths.scripts.as_ref()).is_some_and(|text| &*text.value == "literal")
}

/// `client_address`.
pub(super) fn client_address(
    written: Option<&document::ClientAddress>,
    problems: &mut Diagnostics,
) -> ClientAddress {
    let Some(written) = written else { return ClientAddress::Peer };
    if !is_header_name(&written.header.value) {
        problems
            .error(
                codes::HEADER_NAME,
                written.header.at,
                format!("`{}` is no header name", written.header.value),
            )
            .hint("letters, digits and hyphens: `x-forwarded-for`");
    }
    let header = written.header.value.to_ascii_lowercase().into_boxed_str();
    let Some(hops) = &written.trusted_hops else {
        if &*header == "x-forwarded-for" {
            problems
                .error(codes::CLIENT_ADDRESS, written.at, "`x-forwarded-for` without `trusted_hops`")
                .hint("`trusted_hops: 1` takes the last address, which the nearest trusted proxy wrote");
        }
        return ClientAddress::Header(header);
    };
    if let Some(hops) = usize::try_from(hops.value).ok().filter(|hops| (1..=32).contains(hops)) {
        ClientAddress::Forwarded(header, hops)
    } else {
        problems
            .error(codes::CLIENT_ADDRESS, hops.at, "`trusted_hops` is a number from 1 to 32")
            .hint("how many trusted proxies have appended to the header");
        ClientAddress::Peer
    }
}
