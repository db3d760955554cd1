//! The end in good order.

use http::Request;
use rustix::process::Signal;

use super::{CHECK, CheckResponse, Message, PATIENCE, Stand, check, framed, request, verdict};
use crate::figures::saw;

/// Requests that were taken before the end was asked for are answered as ever: the last of their messages comes after.
#[tokio::test]
async fn what_was_taken_before_the_end_is_answered_and_then_it_ends() {
    const CALLS: usize = 50;
    let mut stand = Stand::start(&["--shutdown-drain", "60s", "--limits-deadline", "60s"]);
    let mut send = stand.connect().await;
    let mut calls = Vec::new();
    for number in 0..CALLS {
        let (path, wanted) = [("/open", (0, None)), ("/closed", (7, Some(403)))][number % 2];
        let message = framed(&request("GET", path));
        let call = Request::post(format!("http://portcullis{CHECK}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let mut ready = send.clone().ready().await.expect("a connection that takes requests");
        let (response, mut body) =
            ready.send_request(call.body(()).expect("a request"), false).expect("sent");
        body.send_data(message.slice(..9), false).expect("half of it");
        calls.push((response, body, message.slice(9..), wanted));
    }
    // Whoever has an answer to what was sent last has been taken with all that was sent before.
    assert_eq!(verdict(&check(&mut send, vec![framed(&request("GET", "/open"))]).await), (0, None));
    stand.serving.send(Signal::TERM);
    stand.serving.until("shutting down");
    let mut lost = 0;
    for (response, mut body, rest, wanted) in calls {
        let answered = async {
            body.send_data(rest, true).ok()?;
            let mut body = response.await.ok()?.into_body();
            let mut content = Vec::new();
            while let Some(piece) = body.data().await {
                content.extend_from_slice(&piece.ok()?);
            }
            Some(CheckResponse::decode(content.get(5..)?).expect("a CheckResponse"))
        };
        match tokio::time::timeout(PATIENCE, answered).await.expect("an answer, or an end") {
            Some(answer) => assert_eq!(verdict(&answer), wanted),
            None => lost += 1,
        }
    }
    assert_eq!(lost, 0, "of {CALLS}");
    saw(30, format_args!("{CALLS} requests in flight at SIGTERM, {lost} lost, 0 wrong"));
    let ended = tokio::task::spawn_blocking(move || {
        let (out, _) = stand.serving.rest();
        (out, stand.serving.child.wait().expect("an end").code())
    });
    let (out, code) = ended.await.expect("no panic");
    assert!(code == Some(0) && out.contains("all requests are finished"), "{code:?}: {out}");
}
