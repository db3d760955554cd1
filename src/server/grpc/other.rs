//! What the gRPC listener serves beside checks: `grpc.health.v1`, reflection, and a clear no to the rest.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body::{Body, Frame};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// Name of the service whose health is told beside the overall one.
const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";

/// `grpc-status: 12`, UNIMPLEMENTED.
const UNIMPLEMENTED: HeaderValue = HeaderValue::from_static("12");

type Inner = BoxCloneSyncService<Request<Receiving>, Response<tonic::body::Body>, Infallible>;

/// Health and reflection.
#[derive(Debug, Clone)]
pub struct Others {
    health: Inner,
    reflection: Option<Inner>,
    reflection_alpha: Option<Inner>,
}

/// Says how healthy we are.
#[derive(Debug, Clone)]
pub struct Reporter(HealthReporter);

impl Reporter {
    /// Ready or not, for the overall service and for authorization.
    pub async fn set_ready(&self, ready: bool) {
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status("", status).await;
        self.0.set_service_status(AUTHORIZATION, status).await;
    }
}

impl Others {
    /// The services and who reports their health. Not serving until told otherwise.
    pub async fn new() -> (Self, Reporter) {
        let (reporter, health) = health_reporter();
        let reporter = Reporter(reporter);
        reporter.set_ready(false).await;
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let others = Self {
            health: BoxCloneSyncService::new(health),
            reflection: builder().build_v1().ok().map(BoxCloneSyncService::new),
            reflection_alpha: builder().build_v1alpha().ok().map(BoxCloneSyncService::new),
        };
        (others, reporter)
    }

    /// Answers one call to its end.
    pub(super) fn call(
        &self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let service = match service_of(request.uri().path()) {
            Some("grpc.health.v1.Health") => Some(self.health.clone()),
            Some("grpc.reflection.v1.ServerReflection") => self.reflection.clone(),
            Some("grpc.reflection.v1alpha.ServerReflection") => self.reflection_alpha.clone(),
            Some(_) | None => None,
        };
        async move {
            let Some(service) = service else { return unimplemented(&mut respond) };
            let Ok(response) = service.oneshot(request.map(Receiving)).await;
            let (head, body) = response.into_parts();
            let is_empty = body.is_end_stream();
            let Ok(stream) = respond.send_response(Response::from_parts(head, ()), is_empty) else { return };
            if !is_empty {
                send(body, stream).await;
            }
        }
    }
}

fn service_of(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.split_once('/').map(|(service, _)| service)
}

fn unimplemented(respond: &mut SendResponse<Bytes>) {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(HeaderName::from_static("grpc-status"), UNIMPLEMENTED);
    let _gone = respond.send_response(response, true);
}

/// Sends a body no faster than the peer takes it.
async fn send(mut body: tonic::body::Body, mut stream: SendStream<Bytes>) {
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = match frame.into_data() {
            Ok(mut data) => {
                while !data.is_empty() {
                    stream.reserve_capacity(data.len());
                    let Some(Ok(room)) = poll_fn(|context| stream.poll_capacity(context)).await else {
                        return;
                    };
                    let piece = data.split_to(room.min(data.len()));
                    if stream.send_data(piece, false).is_err() {
                        return;
                    }
                }
                continue;
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            let _gone = stream.send_trailers(trailers);
            return;
        }
    }
    let _gone = stream.send_data(Bytes::new(), true);
}

/// A request's body, as tonic's services take it.
#[derive(Debug)]
pub(super) struct Receiving(RecvStream);

impl Body for Receiving {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let stream = &mut self.get_mut().0;
        match stream.poll_data(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(data))) => {
                let _gone = stream.flow_control().release_capacity(data.len());
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => stream.poll_trailers(context).map(|trailers| match trailers {
                Ok(trailers) => trailers.map(|trailers: HeaderMap| Ok(Frame::trailers(trailers))),
                Err(error) => Some(Err(error)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}
