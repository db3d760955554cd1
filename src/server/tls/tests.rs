//! Real handshakes: the right and the wrong client, and certificates that change while we serve.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;
use crate::server::listen::Listener;
use crate::settings::{Address, SocketOwner};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A certificate with its key, as PEM.
fn pair(authority: &Authority, name: &str, last_year: i32) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new((cert, key): &(String, String), client_ca: Option<&Authority>) -> Self {
        let directory = Self(tempfile::tempdir().expect("a directory"));
        directory.write("tls.crt", cert);
        directory.write("tls.key", key);
        if let Some(authority) = client_ca {
            directory.write("ca.crt", &authority.pem());
        }
        directory
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path().join(name), content).expect("written");
    }

    fn files(&self) -> TlsFiles {
        let client_ca = self.path().join("ca.crt");
        TlsFiles {
            cert: self.path().join("tls.crt"),
            key: self.path().join("tls.key"),
            client_ca: client_ca.exists().then_some(client_ca),
        }
    }

    fn load(&self) -> Arc<Tls> {
        Arc::new(Tls::load(&self.files()).expect("certificates"))
    }

    fn refusal(&self) -> TlsError {
        Tls::load(&self.files()).expect_err("not usable")
    }
}

/// A client that trusts an authority, perhaps with a certificate of its own.
fn client(trusts: &Authority, own: Option<&(String, String)>, alpn: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusts.der().clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(cert.as_bytes()).expect("a certificate")],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key"),
            )
            .expect("a pair"),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

struct Server {
    listener: Listener,
    tls: Arc<Tls>,
}

/// What came of a handshake: the server's channel, and what the client read.
struct Talk {
    server: Result<Channel, HandshakeError>,
    client: std::io::Result<String>,
}

impl Server {
    async fn new(tls: Arc<Tls>) -> Self {
        let address = Address::parse("127.0.0.1:0").expect("an address");
        let owner = SocketOwner { mode: 0o600, owner: None, group: None };
        Self { listener: Listener::bind("listen.grpc", &address, &owner).await.expect("bound"), tls }
    }

    async fn connect(&self) -> TcpStream {
        let Address::Tcp(address) = *self.listener.local_address() else { panic!("not TCP") };
        TcpStream::connect(address).await.expect("connected")
    }

    /// The server says `hello` over the channel if there is one.
    async fn talk(&self, client: ClientConfig, protocols: Protocols) -> Talk {
        let stream = self.connect().await;
        let serve = async {
            let mut channel = open(Some(&self.tls), self.listener.accept().await, protocols).await?;
            let _gone = channel.write_all(b"hello").await;
            let _gone = channel.shutdown().await;
            Ok(channel)
        };
        let ask = async {
            let name = ServerName::try_from("portcullis").expect("a name");
            let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await?;
            let mut told = String::new();
            stream.read_to_string(&mut told).await?;
            Ok(told)
        };
        let (server, client) = tokio::join!(serve, ask);
        Talk { server, client }
    }
}

impl Talk {
    #[track_caller]
    fn succeeds(&self) {
        assert_eq!(self.client.as_deref().expect("the client is told"), "hello");
        assert!(self.server.is_ok());
    }

    #[track_caller]
    fn fails(&self, because: &str) {
        assert!(self.client.is_err());
        let error = self.server.as_ref().expect_err("the server refuses").to_string();
        assert!(error.contains(because), "`{error}` lacks `{because}`");
    }
}

#[tokio::test]
async fn a_client_that_trusts_us_gets_in_and_the_protocol_is_agreed_on() {
    let authority = authority("ours");
    let server = Server::new(Directory::new(&pair(&authority, "portcullis", 2100), None).load()).await;
    for (protocols, offered, http2) in [
        (Protocols::Grpc, &["h2"][..], true),
        (Protocols::Http, &["h2", "http/1.1"], true),
        (Protocols::Http, &["http/1.1"], false),
        // Envoy offers nothing unless it is told to.
        (Protocols::Grpc, &[], false),
    ] {
        let talk = server.talk(client(&authority, None, offered), protocols).await;
        talk.succeeds();
        assert_eq!(talk.server.expect("a channel").is_http2(), http2);
    }
    let talk = server.talk(client(&authority, None, &["http/1.1"]), Protocols::Grpc).await;
    talk.fails("any known protocol");
}

#[tokio::test]
async fn with_client_ca_only_clients_of_that_authority_get_in() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let directory = Directory::new(&pair(&ours, "portcullis", 2100), Some(&ours));
    let server = Server::new(directory.load()).await;
    let envoy = pair(&ours, "envoy", 2100);
    server.talk(client(&ours, Some(&envoy), &[]), Protocols::Grpc).await.succeeds();
    server.talk(client(&ours, None, &[]), Protocols::Grpc).await.fails("no certificates");
    let stranger = pair(&theirs, "envoy", 2100);
    server.talk(client(&ours, Some(&stranger), &[]), Protocols::Grpc).await.fails("invalid peer certificate");
    let expired = pair(&ours, "envoy", 2021);
    server.talk(client(&ours, Some(&expired), &[]), Protocols::Grpc).await.fails("expired");
    server.talk(client(&ours, Some(&envoy), &[]), Protocols::Http).await.succeeds();
}

#[tokio::test]
async fn a_certificate_that_changes_is_served_from_then_on() {
    let (old, new) = (authority("old"), authority("new"));
    let directory = Directory::new(&pair(&old, "portcullis", 2100), None);
    let server = Server::new(directory.load()).await;
    server.talk(client(&old, None, &[]), Protocols::Grpc).await.succeeds();
    assert!(server.tls.reload().is_none(), "nothing has changed");

    let (cert, key) = pair(&new, "portcullis", 2100);
    directory.write("tls.crt", &cert);
    let error = server.tls.reload().expect("it has changed").expect_err("the key is the old one");
    assert!(matches!(error, TlsError::Pair(_)), "{error}");
    assert!(server.tls.reload().is_none(), "the same fault is told once");
    server.talk(client(&old, None, &[]), Protocols::Grpc).await.succeeds();

    directory.write("tls.key", &key);
    server.tls.reload().expect("it has changed").expect("a pair");
    server.talk(client(&new, None, &[]), Protocols::Grpc).await.succeeds();
    assert!(server.talk(client(&old, None, &[]), Protocols::Grpc).await.client.is_err());
}

#[tokio::test]
async fn an_authority_that_is_taken_away_ends_its_clients() {
    let (ours, other) = (authority("ours"), authority("other"));
    let directory = Directory::new(&pair(&ours, "portcullis", 2100), Some(&ours));
    let server = Server::new(directory.load()).await;
    // The same configuration of the client, so that it resumes what it may.
    let envoy = client(&ours, Some(&pair(&ours, "envoy", 2100)), &[]);
    server.talk(envoy.clone(), Protocols::Grpc).await.succeeds();
    directory.write("ca.crt", &other.pem());
    server.tls.reload().expect("it has changed").expect("an authority");
    server.talk(envoy, Protocols::Grpc).await.fails("invalid peer certificate");
}

#[tokio::test]
async fn a_file_that_goes_or_breaks_leaves_the_old_in_use() {
    let ours = authority("ours");
    let good = pair(&ours, "portcullis", 2100);
    let directory = Directory::new(&good, Some(&ours));
    let server = Server::new(directory.load()).await;
    let envoy = client(&ours, Some(&pair(&ours, "envoy", 2100)), &[]);
    for name in ["tls.crt", "tls.key", "ca.crt"] {
        let content = std::fs::read_to_string(directory.path().join(name)).expect("readable");
        std::fs::remove_file(directory.path().join(name)).expect("removed");
        let error = server.tls.reload().expect("it has changed").expect_err("it is gone");
        assert!(matches!(error, TlsError::Unreadable { .. }), "{error}");
        for broken in ["", "nothing", content.split_at(content.len() / 2).0] {
            directory.write(name, broken);
            server.tls.reload().expect("it has changed").expect_err("it is broken");
            server.talk(envoy.clone(), Protocols::Grpc).await.succeeds();
        }
        directory.write(name, &content);
        server.tls.reload().expect("it has changed").expect("it is whole");
    }
    server.talk(envoy, Protocols::Grpc).await.succeeds();
}

#[test]
fn what_is_wrong_is_named_with_setting_and_file() {
    let ours = authority("ours");
    let (cert, key) = pair(&ours, "portcullis", 2100);
    let file = |directory: &Directory, name: &str| directory.path().join(name).display().to_string();

    let directory = Directory::new(&(key.clone(), key.clone()), None);
    let wanted = format!("`tls.cert`: `{}` holds no certificate", file(&directory, "tls.crt"));
    assert_eq!(directory.refusal().to_string(), wanted);

    let directory = Directory::new(&(cert.clone(), cert.clone()), None);
    let wanted = format!("`tls.key`: `{}` holds no private key", file(&directory, "tls.key"));
    assert!(directory.refusal().to_string().starts_with(&wanted));

    let directory = Directory::new(&(cert.clone(), pair(&ours, "other", 2100).1), None);
    assert!(directory.refusal().to_string().starts_with("`tls.cert` and `tls.key` do not go together"));

    let directory = Directory::new(&(cert, key), None);
    std::fs::remove_file(directory.path().join("tls.key")).expect("removed");
    let error = directory.refusal();
    assert!(error.to_string().starts_with("`tls.key`: "), "{error}");
    assert_eq!(error.hint(), "check the path, its mount and its mode");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let ours = authority("ours");
    let server = Server::new(Directory::new(&pair(&ours, "portcullis", 2100), None).load()).await;
    let _silent = server.connect().await;
    let stream = server.listener.accept().await;
    let within = Duration::from_millis(1);
    let error = server.tls.accept(stream, Protocols::Grpc, within).await.expect_err("given up");
    assert!(matches!(error, HandshakeError::TooSlow), "{error}");
}

#[tokio::test]
async fn a_client_without_tls_is_refused() {
    let ours = authority("ours");
    let server = Server::new(Directory::new(&pair(&ours, "portcullis", 2100), None).load()).await;
    let mut plain = server.connect().await;
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("written");
    let stream = server.listener.accept().await;
    let error = open(Some(&server.tls), stream, Protocols::Grpc).await.expect_err("refused");
    assert!(matches!(error, HandshakeError::Failed(_)), "{error}");
}

#[tokio::test]
async fn a_unix_socket_is_not_encrypted() {
    let ours = authority("ours");
    let tls = Directory::new(&pair(&ours, "portcullis", 2100), None).load();
    let (_client, stream) = tokio::net::UnixStream::pair().expect("a pair");
    let channel = open(Some(&tls), Stream::Unix(stream), Protocols::Grpc).await.expect("open");
    assert!(matches!(channel, Channel::Plain(_)));
}
