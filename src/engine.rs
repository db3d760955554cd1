//! Decides.

use crate::policy::Judgement;
use crate::request::Request;

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Judged<'a> {
    /// The request as it was read; `None` if it was refused at the door.
    pub request: Option<Request<'a>>,
    /// What became of it.
    pub judgement: Judgement<'a>,
}
