//! The real program behind TLS: gRPC and HTTP listeners, certificates that change, clients that must show one.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::keys::serving::Serving;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

fn pair(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["portcullis".to_owned()]).expect("parameters");
    (params.signed_by(&key, authority).expect("a certificate").pem(), key.serialize_pem())
}

/// Exchanges both files as a Kubernetes secret does: a new directory, and a link that is renamed over the old.
fn swap(directory: &Path, generation: &str, (cert, key): &(String, String)) {
    let data = directory.join(generation);
    std::fs::create_dir(&data).expect("a directory");
    std::fs::write(data.join("tls.crt"), cert).expect("written");
    std::fs::write(data.join("tls.key"), key).expect("written");
    std::os::unix::fs::symlink(generation, directory.join("next")).expect("a link");
    std::fs::rename(directory.join("next"), directory.join("..data")).expect("renamed");
}

fn client(trusts: &Authority, own: Option<&(String, String)>) -> Arc<ClientConfig> {
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
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// One HTTP/2 connection, one GET, its status. The bound ends what hangs.
async fn get(address: SocketAddr, client: Arc<ClientConfig>) -> Result<u16, Trouble> {
    let asked = async {
        let stream = TcpStream::connect(address).await?;
        let stream = TlsConnector::from(client).connect(ServerName::try_from("portcullis")?, stream).await?;
        let (send, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        let request = Request::get("https://crm.example.com/open").body(())?;
        let (response, _) = send.ready().await?.send_request(request, true)?;
        Ok(response.await?.status().as_u16())
    };
    tokio::time::timeout(Duration::from_mins(1), asked).await?
}

/// Asks on one connection for as long as it lasts, from the first answer (`is_heard`) on.
async fn ask_on(
    address: SocketAddr,
    client: Arc<ClientConfig>,
    is_heard: tokio::sync::oneshot::Sender<()>,
) -> usize {
    let stream = TcpStream::connect(address).await.expect("connected");
    let name = ServerName::try_from("portcullis").expect("a name");
    let stream = TlsConnector::from(client).connect(name, stream).await.expect("trusted");
    let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut is_heard = Some(is_heard);
    let mut answers = 0;
    loop {
        let request = Request::get("https://crm.example.com/open").body(()).expect("a request");
        let Ok(mut ready) = send.clone().ready().await else { return answers };
        let Ok((response, _)) = ready.send_request(request, true) else { return answers };
        match response.await {
            Ok(answer) => assert!([200, 415].contains(&answer.status().as_u16())),
            // What a connection that ends did not take was not asked.
            Err(refused) if refused.is_go_away() || refused.is_io() => return answers,
            Err(lost) => panic!("a request was lost: {lost}"),
        }
        answers += 1;
        let _told_before = is_heard.take().map(|is_heard| is_heard.send(()));
    }
}

struct Stand {
    serving: Serving,
    directory: tempfile::TempDir,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Stand {
    fn new(first: &(String, String), client_ca: Option<&Authority>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("policy.yaml"), "version: 1\nroutes: [{ match: /open, allow: anyone }]\n")
            .expect("a policy");
        swap(directory.path(), "..1", first);
        let mut settings =
            ["--listen-http", "127.0.0.1:0", "--http-target", "request", "--reload-interval", "100ms"]
                .map(str::to_owned)
                .to_vec();
        settings.extend([
            "--tls-cert".to_owned(),
            path("..data/tls.crt"),
            "--tls-key".to_owned(),
            path("..data/tls.key"),
        ]);
        if let Some(authority) = client_ca {
            std::fs::write(path("ca.crt"), authority.pem()).expect("written");
            settings.extend(["--tls-client-ca".to_owned(), path("ca.crt")]);
        }
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let mut serving = Serving::start(&directory.path().join("policy.yaml"), &settings);
        let address = |told: &serde_json::Value| {
            told["address"].as_str().and_then(|text| text.parse().ok()).expect("an address")
        };
        let grpc = address(&serving.until("listening for Envoy"));
        let http = address(&serving.until("listening for other proxies"));
        Self { serving, directory, http, grpc }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_change_while_we_serve_and_a_broken_pair_changes_nothing() {
    let (old, new) = (authority("old"), authority("new"));
    let mut stand = Stand::new(&pair(&old), None);
    assert_eq!(get(stand.http, client(&old, None)).await.expect("an answer"), 200);
    // The gRPC listener answers what is no gRPC with 415.
    assert_eq!(get(stand.grpc, client(&old, None)).await.expect("an answer"), 415);

    swap(stand.directory.path(), "..2", &(pair(&new).0, pair(&new).1));
    let told = stand.serving.until("new certificates cannot be used, the old ones stay");
    assert!(told["error"].as_str().expect("text").starts_with("`tls.cert` and `tls.key` do not go together"));
    assert_eq!(get(stand.http, client(&old, None)).await.expect("an answer"), 200);

    swap(stand.directory.path(), "..3", &pair(&new));
    stand.serving.until("new certificates are in use");
    for address in [stand.http, stand.grpc] {
        assert!(get(address, client(&new, None)).await.is_ok());
        assert!(get(address, client(&old, None)).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_client_ca_nobody_else_is_heard() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let stand = Stand::new(&pair(&ours), Some(&ours));
    for address in [stand.http, stand.grpc] {
        assert!(get(address, client(&ours, Some(&pair(&ours)))).await.is_ok());
        assert!(get(address, client(&ours, None)).await.is_err());
        assert!(get(address, client(&ours, Some(&pair(&theirs)))).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_an_authority_that_is_taken_away_lose_their_connections() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let mut stand = Stand::new(&pair(&ours), Some(&theirs));
    let mut asking = Vec::new();
    for address in [stand.http, stand.grpc] {
        let (heard, is_heard) = tokio::sync::oneshot::channel();
        asking.push(tokio::spawn(ask_on(address, client(&ours, Some(&pair(&theirs))), heard)));
        is_heard.await.expect("an answer");
    }
    // Another certificate of the server's own is no reason to send anybody away.
    swap(stand.directory.path(), "..2", &pair(&ours));
    stand.serving.until("new certificates are in use");
    assert!(asking.iter().all(|asking| !asking.is_finished()));
    std::fs::write(stand.directory.path().join("ca.crt"), ours.pem()).expect("written");
    stand.serving.until("new certificates are in use");
    for asking in asking {
        let ended = tokio::time::timeout(Duration::from_mins(1), asking).await;
        assert!(ended.expect("the connection ends").expect("no request is lost") > 0);
    }
    assert!(get(stand.http, client(&ours, Some(&pair(&theirs)))).await.is_err());
    assert!(get(stand.http, client(&ours, Some(&pair(&ours)))).await.is_ok());
}
