//! One request of a proxy: what it asks about is judged, and the answer told. Its body is not looked at.

use std::sync::Arc;

use http::Response;
use http::request::Parts;

use crate::decision::{Denial, Denied};
use crate::policy::{Judgement, Policy};
use crate::request::Headers;
use crate::response::Answer;
use crate::server::judge::{Arrival, Judged, Transport};
use crate::settings::Target;
use crate::token::Attempt;

use super::{Service, beside, expressible, incoming, response};

/// Answers a request.
pub(super) async fn answer(service: Arc<Service>, parts: Parts) -> Response<String> {
    let arrival = Arrival::now();
    let response = answered(&service, &parts, &arrival).await;
    service.judge.metrics().request_answered(arrival.at.elapsed());
    response
}

async fn answered(service: &Service, parts: &Parts, arrival: &Arrival) -> Response<String> {
    let Some(_ticket) = service.in_flight.enter() else {
        return refusal(service, &Denial::because(Denied::Overloaded, "over `limits.in_flight`"), arrival);
    };
    match judge(service, parts, arrival, Attempt::First) {
        Judged::Answer(response) => response,
        Judged::NeedsKeys(issuer) => {
            let left = service.limits.deadline.saturating_sub(arrival.at.elapsed());
            let _out_of_time = tokio::time::timeout(left, service.judge.keys(issuer)).await;
            match judge(service, parts, arrival, Attempt::Final) {
                Judged::Answer(response) => response,
                Judged::NeedsKeys(_) => {
                    let denial = Denial::because(Denied::KeysUnavailable, "the key is not there");
                    refusal(service, &denial, arrival)
                }
            }
        }
    }
}

/// Answers over HTTP to one request.
struct Http<'r> {
    headers: &'r Headers<'r>,
    target: &'r Target,
}

impl Transport for Http<'_> {
    type Said = Response<String>;

    fn can_say(&self, answer: &Answer<'_>, policy: &Policy, judgement: &Judgement<'_>) -> Result<(), Denial> {
        expressible(answer, self.headers, self.target)?;
        // Envoy is told by name what to remove.
        match self.target {
            Target::Request { .. } => Ok(()),
            Target::XForwarded | Target::XOriginal => {
                beside::none_stays(answer, self.headers, policy, judgement)
            }
        }
    }

    fn say(&self, answer: &Answer<'_>) -> Response<String> {
        response(answer, self.target)
    }
}

fn judge(service: &Service, parts: &Parts, arrival: &Arrival, attempt: Attempt) -> Judged<Response<String>> {
    let target = &service.target;
    match incoming(parts, target) {
        Ok(incoming) => {
            let http = Http { headers: &incoming.headers, target };
            service.judge.judge(&http, Ok(&incoming), arrival, attempt)
        }
        Err(denial) => Judged::Answer(refusal(service, &denial, arrival)),
    }
}

fn refusal(service: &Service, denial: &Denial, arrival: &Arrival) -> Response<String> {
    let headers = Headers::default();
    let http = Http { headers: &headers, target: &service.target };
    service.judge.refuse(&http, &headers, denial, arrival)
}
