//! Connections: kept, bounded, encrypted, HTTP/2, and finished in good order.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

use super::{Stand, receive, send};

const OPEN: &str = "GET /open HTTP/1.1\nhost: crm.example.com";

fn stand(settings: &[&str]) -> Stand {
    Stand::new(&[&["--http-target", "request"], settings].concat())
}

fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 64];
    matches!(stream.read(&mut rest), Ok(0) | Err(_))
}

#[test]
fn a_connection_serves_many_requests_and_bodies_are_not_read() {
    let stand = stand(&[]);
    let mut stream = stand.connect();
    for _ in 0..3 {
        stream
            .write_all(b"POST /open HTTP/1.1\r\nhost: crm.example.com\r\ncontent-length: 4\r\n\r\nbody")
            .expect("sent");
        assert_eq!(receive(&mut stream).status, 200);
    }
}

#[test]
fn headers_over_the_limit_are_refused_and_the_server_goes_on() {
    let stand = stand(&["--limits-header-bytes", "4KiB"]);
    let told = stand.ask(&format!("{OPEN}\nx-large: {}", "a".repeat(5000)));
    assert_eq!(told.status, 400);
    // Over what a head may hold, or hold in number, HTTP itself has an answer.
    let told = stand.ask(&format!("{OPEN}{}", "\nx-many: 1".repeat(300)));
    assert_eq!(told.status, 431);
    assert_eq!(stand.ask(OPEN).status, 200);
}

#[test]
fn connections_over_the_limit_are_closed_and_the_others_are_unharmed() {
    let stand = stand(&["--limits-connections", "2"]);
    let mut kept = [stand.connect(), stand.connect()];
    for stream in &mut kept {
        send(stream, OPEN);
        assert_eq!(receive(stream).status, 200);
    }
    assert!(is_closed(&mut stand.connect()));
    for stream in &mut kept {
        send(stream, OPEN);
        assert_eq!(receive(stream).status, 200);
    }
}

#[test]
fn at_the_end_nobody_who_asks_nothing_is_waited_for() {
    let mut stand = stand(&["--shutdown-drain", "30s"]);
    let mut idle = stand.connect();
    send(&mut idle, OPEN);
    assert_eq!(receive(&mut idle).status, 200);
    let mut half = stand.connect();
    half.write_all(b"GET /open HTTP/1.1\r\nhost: crm.example.com\r\n").expect("sent");
    let mut silent = stand.connect();
    stand.ask(OPEN);
    stand.serving.send(Signal::TERM);
    stand.serving.until("shutting down");
    for stream in [&mut idle, &mut half, &mut silent] {
        assert!(is_closed(stream));
    }
    stand.serving.until("all requests are finished");
    assert!(stand.serving.child.wait().expect("an end").success());
}

#[test]
fn http2_needs_no_upgrade() {
    let stand = stand(&[]);
    let asked = async {
        let stream = tokio::net::TcpStream::connect(stand.address).await.expect("connected");
        let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        let mut send = send.ready().await.expect("a stream");
        let mut statuses = Vec::new();
        for path in ["/open", "/nowhere"] {
            let request =
                http::Request::get(format!("http://crm.example.com{path}")).body(()).expect("a request");
            let (response, _) = send.send_request(request, true).expect("sent");
            statuses.push(response.await.expect("an answer").status().as_u16());
        }
        statuses
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    assert_eq!(runtime.block_on(asked), [200, 403]);
}
