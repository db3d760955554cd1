//! Sockets of all kinds, and what stands in their way.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::*;

const OWNER: SocketOwner = SocketOwner { mode: 0o660, owner: None, group: None };

fn tcp_at(text: &str) -> Address {
    Address::Tcp(text.parse().expect("an address"))
}

async fn listen(address: &Address) -> Listener {
    Listener::bind("listen.grpc", address, &OWNER).await.expect("it can be listened on")
}

async fn refusal(address: &Address, owner: &SocketOwner) -> BindError {
    Listener::bind("listen.grpc", address, owner).await.expect_err("it cannot be listened on")
}

/// What the client says arrives, and what is answered arrives.
async fn talks(listener: &Listener, mut client: impl AsyncRead + AsyncWrite + Unpin) {
    client.write_all(b"ask").await.expect("written");
    let mut stream = listener.accept().await;
    let mut asked = [0; 3];
    stream.read_exact(&mut asked).await.expect("read");
    assert_eq!(&asked, b"ask");
    let stream = stream.into_std().expect("taken from the runtime");
    let mut stream = Stream::from_std(stream).expect("given to the runtime");
    stream.write_all(b"told").await.expect("written");
    drop(stream);
    let mut told = String::new();
    client.read_to_string(&mut told).await.expect("read");
    assert_eq!(told, "told");
}

#[tokio::test]
async fn tcp_is_listened_on_and_the_port_is_known() {
    for text in ["127.0.0.1:0", "[::1]:0"] {
        let listener = listen(&tcp_at(text)).await;
        let Address::Tcp(bound) = *listener.local_address() else { panic!("not TCP") };
        assert_ne!(bound.port(), 0);
        talks(&listener, TcpStream::connect(bound).await.expect("connected")).await;
    }
}

#[tokio::test]
async fn tcp_streams_do_not_delay_small_answers() {
    let listener = listen(&tcp_at("127.0.0.1:0")).await;
    let Address::Tcp(bound) = *listener.local_address() else { panic!("not TCP") };
    let _client = TcpStream::connect(bound).await.expect("connected");
    let Stream::Tcp(stream) = listener.accept().await else { panic!("not TCP") };
    assert!(stream.nodelay().expect("known"));
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_setting_to_change() {
    let listener = listen(&tcp_at("127.0.0.1:0")).await;
    let error = refusal(listener.local_address(), &OWNER).await;
    let address = listener.local_address();
    assert_eq!(
        error.to_string(),
        format!("`listen.grpc`: cannot listen on `{address}`: another process listens on it")
    );
    assert_eq!(error.hint(), "stop the other process, or give `listen.grpc` another port");
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused() {
    let error = refusal(&tcp_at("192.0.2.1:0"), &OWNER).await;
    assert!(matches!(error.cause, BindCause::NoSuchAddress), "{error}");
}

fn socket_in(directory: &Path) -> (PathBuf, Address) {
    let path = directory.join("grpc.sock");
    (path.clone(), Address::Unix(path))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("readable");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_socket_file_has_its_mode_and_goes_with_its_listener() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, address) = socket_in(directory.path());
    for mode in [0o660, 0o600, 0o777] {
        let listener =
            Listener::bind("listen.grpc", &address, &SocketOwner { mode, ..OWNER }).await.expect("bound");
        let metadata = std::fs::metadata(&path).expect("there");
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, mode);
        assert_eq!(names(directory.path()), ["grpc.sock"]);
        talks(&listener, UnixStream::connect(&path).await.expect("connected")).await;
        drop(listener);
        assert!(names(directory.path()).is_empty());
    }
}

#[tokio::test]
async fn a_socket_file_is_given_to_its_owner_and_group() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, address) = socket_in(directory.path());
    let own = std::fs::metadata(directory.path()).expect("there");
    // Only root may give files away; whoever may not is told, and nothing is left behind.
    let (owner, group) = if own.uid() == 0 { (12, 34) } else { (own.uid(), own.gid()) };
    let wanted = SocketOwner { mode: 0o660, owner: Some(owner), group: Some(group) };
    let _listener = Listener::bind("listen.grpc", &address, &wanted).await.expect("bound");
    let metadata = std::fs::metadata(&path).expect("there");
    assert_eq!((metadata.uid(), metadata.gid()), (owner, group));
}

#[tokio::test]
async fn an_owner_that_cannot_be_set_is_an_error_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let (_, address) = socket_in(directory.path());
    let wanted = SocketOwner { owner: Some(u32::MAX), ..OWNER };
    let error = refusal(&address, &wanted).await;
    assert!(matches!(error.cause, BindCause::Owner(_)), "{error}");
    assert!(error.hint().contains("`listen.socket_owner`"));
    assert!(names(directory.path()).is_empty());
}

#[tokio::test]
async fn a_stale_socket_is_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, address) = socket_in(directory.path());
    // Closed without being unlinked, as by a killed process.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    assert!(path.exists());
    let listener = listen(&address).await;
    talks(&listener, UnixStream::connect(&path).await.expect("connected")).await;
}

#[tokio::test]
async fn a_living_socket_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, address) = socket_in(directory.path());
    let living = listen(&address).await;
    let error = refusal(&address, &OWNER).await;
    assert!(matches!(error.cause, BindCause::InUse), "{error}");
    let _the_attempt = living.accept().await;
    talks(&living, UnixStream::connect(&path).await.expect("connected")).await;
}

#[tokio::test]
async fn a_file_that_is_not_a_socket_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, address) = socket_in(directory.path());
    std::fs::write(&path, "precious").expect("written");
    let error = refusal(&address, &OWNER).await;
    assert!(matches!(error.cause, BindCause::NotASocket), "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("readable"), "precious");
    assert_eq!(names(directory.path()), ["grpc.sock"]);
}

#[tokio::test]
async fn the_file_of_a_successor_is_not_removed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, address) = socket_in(directory.path());
    let first = listen(&address).await;
    std::fs::remove_file(&path).expect("removed");
    let second = listen(&address).await;
    drop(first);
    talks(&second, UnixStream::connect(&path).await.expect("connected")).await;
}

#[tokio::test]
async fn a_missing_directory_and_a_long_path_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = refusal(&Address::Unix(directory.path().join("missing/grpc.sock")), &OWNER).await;
    let missing = directory.path().join("missing");
    assert!(error.to_string().ends_with(&format!("the directory `{}` does not exist", missing.display())));

    let long = directory.path().join("x".repeat(108 - directory.path().as_os_str().len()));
    let error = refusal(&Address::Unix(long), &OWNER).await;
    assert!(matches!(error.cause, BindCause::TooLong { bytes: 109, longest: 107 }), "{error}");

    let longest = directory.path().join("x".repeat(106 - directory.path().as_os_str().len()));
    let _listener = listen(&Address::Unix(longest)).await;
}

#[tokio::test]
async fn an_abstract_socket_needs_no_file() {
    let name = format!("portcullis-test-{}", std::process::id());
    let listener = listen(&Address::Abstract(name.clone())).await;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    let client = std::os::unix::net::UnixStream::connect_addr(&address).expect("connected");
    client.set_nonblocking(true).expect("set");
    talks(&listener, UnixStream::from_std(client).expect("taken up")).await;
    let error = refusal(&Address::Abstract(name), &OWNER).await;
    assert!(matches!(error.cause, BindCause::InUse), "{error}");
}
