//! What is asked: from flags, or from a captured `CheckRequest`.

use std::path::Path;

use super::Arguments;
use crate::cases::{Captured, Request};
use crate::cli::input;
use crate::cli::trouble::Trouble;
use crate::explain::Question;
use crate::server::wire::captured;

/// The question of the flags.
///
/// # Errors
/// A header or claims that are none.
pub fn question(arguments: &Arguments) -> Result<Question, Trouble> {
    let mut headers = Vec::new();
    for header in &arguments.headers {
        let Some((name, value)) = header.split_once(':') else {
            return Err(Trouble::new(format!("`{header}` is no header"), "write `--header 'name: value'`"));
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(Question {
        method: arguments.method.clone().unwrap_or_default(),
        url: arguments.url.clone().unwrap_or_default(),
        headers,
        token: arguments.token.as_deref().map(input::token).transpose()?,
        claims: arguments.claims.as_deref().map(|given| input::object("--claims", given)).transpose()?,
        guard: arguments.guard.clone(),
        address: arguments.address,
        principal: arguments.principal.clone().unwrap_or_default(),
        assume_signature: true,
        ..Question::default()
    })
}

/// A captured request.
///
/// # Errors
/// A file that cannot be read, or is none.
pub fn captured_in(path: &Path) -> Result<Captured, Trouble> {
    let unusable = |cause: String| {
        Trouble::new(
            format!("`{}` cannot be used: {cause}", path.display()),
            "give a CheckRequest as JSON, or as the message itself",
        )
    };
    let bytes = input::bytes(path).map_err(unusable)?;
    captured(&bytes).map_err(|error| unusable(error.to_string()))
}

/// A question for another server, wherever it comes from.
///
/// # Errors
/// As the others, and a captured message that holds no request.
pub fn anything(arguments: &Arguments) -> Result<Question, Trouble> {
    let Some(path) = &arguments.check_request else {
        return question(arguments).map(|question| Question { assume_signature: false, ..question });
    };
    match captured_in(path)? {
        Captured::Request(request) => Ok(of(&request)),
        Captured::Refused(_) => Err(Trouble::new(
            format!("`{}` holds no HTTP request, and is denied by every server", path.display()),
            "leave `--admin` out to see how",
        )),
    }
}

fn of(request: &Request) -> Question {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Question {
        method: request.method.to_string(),
        url: request.target.to_string(),
        host: Some(request.host.to_string()),
        headers: request.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        address: request.address,
        principal: request.principal.to_string(),
        ..Question::default()
    }
}
