//! One call: a request message in, one answer out.

mod deadline;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use crate::decision::{Denial, Denied};
use crate::response::Answer;
use crate::server::in_flight::Ticket;
use crate::server::judge::{Arrival, Judged, Transport};
use crate::server::wire::{self, Unavailable};
use crate::token::{Attempt, IssuerId};

use super::Service;
use super::frame::{Pieces, Unusable, framed};

/// `POST` to this path is `envoy.service.auth.v3.Authorization/Check`.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const OK: HeaderValue = HeaderValue::from_static("0");

/// Longer than a turn of a connection takes: the clock is read for a request that did not wait only where it has
/// less time than this.
const TURN: Duration = Duration::from_millis(20);

/// A request that the connection has taken.
pub(super) struct Taken {
    pub request: Request<RecvStream>,
    pub respond: SendResponse<Bytes>,
}

/// How a request began.
pub(super) enum Begun {
    /// It is answered already.
    Answered,
    /// A check that has to wait.
    Check(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Something else than a check.
    Other(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// Answers a request if all of it is here, as it nearly always is.
pub(super) fn begin(
    service: &Arc<Service>,
    taken: Taken,
    arrival: &Arrival,
    context: &mut Context<'_>,
) -> Begun {
    let Taken { request, mut respond } = taken;
    if !is_grpc(&request) {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let _peer_is_gone = respond.send_response(response, true);
        return Begun::Answered;
    }
    if request.uri().path() != CHECK {
        return Begun::Other(Box::pin(service.others.call(request, respond)));
    }
    let arrival = arrival.within(service.judge.parent(request.headers()));
    let deadline = deadline::of(request.headers())
        .map_or(service.limits.deadline, |told| told.min(service.limits.deadline));
    let mut check = Check {
        ticket: service.in_flight.enter(),
        service: Arc::clone(service),
        body: request.into_body(),
        respond,
        pieces: Pieces::default(),
        arrival,
        deadline,
    };
    if check.ticket.is_none() {
        check.refuse(&Denial::because(Denied::Overloaded, "over `limits.in_flight`"));
        return Begun::Answered;
    }
    match check.poll_message(context) {
        Poll::Ready(message) => match check.judge(message, check.deadline < TURN && check.is_late()) {
            Step::Done => Begun::Answered,
            Step::Wait(issuer, message) => Begun::Check(Box::pin(check.wait_for_keys(issuer, message))),
        },
        Poll::Pending => Begun::Check(Box::pin(check.wait_for_message())),
    }
}

fn is_grpc(request: &Request<RecvStream>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    request.method() == Method::POST
        && content_type.is_some_and(|value| value.starts_with(b"application/grpc"))
}

struct Check {
    ticket: Option<Ticket>,
    service: Arc<Service>,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    pieces: Pieces,
    arrival: Arrival,
    deadline: Duration,
}

enum Step {
    Done,
    Wait(IssuerId, Bytes),
}

/// The message, or why there is none. `None`: the peer is gone.
type Message = Option<Result<Bytes, Unusable>>;

impl Check {
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Message> {
        let most = self.service.limits.message_bytes;
        loop {
            match self.body.poll_data(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(_))) => return Poll::Ready(None),
                Poll::Ready(None) => {
                    return Poll::Ready(Some(std::mem::take(&mut self.pieces).message(most)));
                }
                Poll::Ready(Some(Ok(piece))) => {
                    // Capacity that cannot be given back belongs to a connection that is gone.
                    let _gone = self.body.flow_control().release_capacity(piece.len());
                    let bytes = piece.len();
                    if let Err(unusable) = self.pieces.push(piece, most) {
                        return Poll::Ready(Some(Err(unusable)));
                    }
                    if self.body.is_end_stream() {
                        return Poll::Ready(Some(std::mem::take(&mut self.pieces).message(most)));
                    }
                    if !self.ticket.as_mut().is_some_and(|ticket| ticket.hold(bytes)) {
                        return Poll::Ready(Some(Err(Unusable::TooMany)));
                    }
                }
            }
        }
    }

    async fn wait_for_message(mut self) {
        let left = self.deadline.saturating_sub(self.arrival.at.elapsed());
        match tokio::time::timeout(left, poll_fn(|context| self.poll_message(context))).await {
            Ok(message) => {
                if let Step::Wait(issuer, message) = self.judge(message, self.is_late()) {
                    self.wait_for_keys(issuer, message).await;
                }
            }
            Err(_elapsed) => {
                self.refuse(&Denial::because(Denied::Overloaded, "the message did not arrive in time"));
            }
        }
    }

    /// Nothing that comes of this is lost when the peer gives up: the fetch belongs to the issuer's task.
    async fn wait_for_keys(mut self, issuer: IssuerId, message: Bytes) {
        let left = self.deadline.saturating_sub(self.arrival.at.elapsed());
        let _out_of_time = tokio::time::timeout(left, self.service.judge.keys(issuer)).await;
        let judged = self.ask(&message, Attempt::Final);
        match judged {
            Judged::Answer(answer) => self.answer(answer),
            Judged::NeedsKeys(_) => {
                self.refuse(&Denial::because(Denied::KeysUnavailable, "the key is not there"));
            }
        }
    }

    fn is_late(&self) -> bool {
        self.arrival.at.elapsed() >= self.deadline
    }

    fn judge(&mut self, message: Message, is_late: bool) -> Step {
        let message = match message {
            None => return Step::Done,
            Some(Ok(message)) => message,
            Some(Err(unusable)) => {
                self.refuse(&denial_of(unusable));
                return Step::Done;
            }
        };
        if is_late {
            self.refuse(&Denial::because(Denied::Overloaded, "the deadline is over"));
            return Step::Done;
        }
        match self.ask(&message, Attempt::First) {
            Judged::Answer(answer) => {
                self.answer(answer);
                Step::Done
            }
            Judged::NeedsKeys(issuer) => Step::Wait(issuer, message),
        }
    }

    fn ask(&self, message: &[u8], attempt: Attempt) -> Judged<Bytes> {
        let judge = &self.service.judge;
        let framed = Framed(self.service.unavailable);
        judge.guarded(&framed, &self.arrival, || {
            wire::with_incoming(message, |incoming| judge.judge(&framed, incoming, &self.arrival, attempt))
        })
    }

    fn refuse(&mut self, denial: &Denial) {
        let framed = Framed(self.service.unavailable);
        match self.service.judge.judge(&framed, Err(denial), &self.arrival, Attempt::Final) {
            Judged::Answer(answer) => self.answer(answer),
            Judged::NeedsKeys(_) => {}
        }
    }

    /// A peer that is gone is not told.
    fn answer(&mut self, message: Bytes) {
        let mut response = Response::new(());
        response.headers_mut().insert(CONTENT_TYPE, GRPC);
        let Ok(mut stream) = self.respond.send_response(response, false) else { return };
        if stream.send_data(message, false).is_ok() {
            let mut trailers = HeaderMap::with_capacity(1);
            trailers.insert(GRPC_STATUS, OK);
            let _gone = stream.send_trailers(trailers);
        }
        self.service.judge.metrics().request_answered(self.arrival.at.elapsed());
    }
}

/// Answers as gRPC messages.
struct Framed(Unavailable);

impl Transport for Framed {
    type Said = Bytes;

    fn say(&self, answer: &Answer<'_>) -> Bytes {
        framed(|bytes| wire::encode(answer, self.0, bytes))
    }
}

fn denial_of(unusable: Unusable) -> Denial {
    match unusable {
        Unusable::TooLarge => {
            Denial::because(Denied::TooLarge, "the CheckRequest is over `limits.message_bytes`")
        }
        Unusable::TooMany => Denial::because(Denied::Overloaded, "too many messages are only half here"),
        Unusable::Malformed => Denial::because(Denied::BadRequest, "the call holds no single gRPC message"),
        Unusable::Compressed => Denial::because(Denied::BadRequest, "the message is compressed"),
    }
}
