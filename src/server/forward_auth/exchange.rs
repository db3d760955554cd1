//! One request of a proxy: what it asks about is judged, and the answer told. Its body is not looked at.

use std::sync::Arc;

use http::Response;
use http::request::Parts;

use crate::decision::{Denial, Denied};
use crate::response::Answer;
use crate::server::judge::{Arrival, Judged};
use crate::token::Attempt;

use super::{Service, expressible, incoming, response};

/// Answers a request.
pub(super) async fn answer(service: Arc<Service>, parts: Parts) -> Response<String> {
    let arrival = Arrival::now();
    let response = answered(&service, &parts, arrival).await;
    service.judge.metrics().request_answered(arrival.at.elapsed());
    response
}

async fn answered(service: &Service, parts: &Parts, arrival: Arrival) -> Response<String> {
    let Some(_ticket) = service.in_flight.enter() else {
        return refusal(service, &Denial::because(Denied::Overloaded, "over `limits.in_flight`"), arrival);
    };
    match judge(service, parts, arrival, Attempt::First) {
        Judged::Answer(answer) => response(answer, &service.target),
        Judged::NeedsKeys(issuer) => {
            let left = service.limits.deadline.saturating_sub(arrival.at.elapsed());
            let _out_of_time = tokio::time::timeout(left, service.judge.keys(issuer)).await;
            match judge(service, parts, arrival, Attempt::Final) {
                Judged::Answer(answer) => response(answer, &service.target),
                Judged::NeedsKeys(_) => {
                    let denial = Denial::because(Denied::KeysUnavailable, "the key is not there");
                    refusal(service, &denial, arrival)
                }
            }
        }
    }
}

fn judge(service: &Service, parts: &Parts, arrival: Arrival, attempt: Attempt) -> Judged {
    let target = &service.target;
    match incoming(parts, target) {
        Ok(incoming) => service.judge.judge_for(Ok(&incoming), arrival, attempt, |answer: &Answer| {
            expressible(answer, &incoming.headers, target)
        }),
        Err(denial) => service.judge.judge(Err(&denial), arrival, attempt),
    }
}

fn refusal(service: &Service, denial: &Denial, arrival: Arrival) -> Response<String> {
    response(service.judge.refuse(&crate::request::Headers::default(), denial, arrival), &service.target)
}
