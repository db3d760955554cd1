//! Keys over TLS: from whom they may be taken.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::mock::{Answer, Mock};
use super::signer::{Signer, jwks};
use super::world::{World, iss, policy};

/// Somebody who makes certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate"),
        )
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server with a certificate for a name that ends in some year.
    fn server(&self, name: &str, until: i32) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a server")
    }
}

fn issuer(mock: &Mock, rest: &str) -> String {
    let url = format!("https://localhost:{}/jwks", mock.address.port());
    format!("keys: {{ jwks_url: \"{url}\"{rest} }}")
}

/// Fault: the certificate of an issuer's server is expired, of another name, or of an authority that nobody trusts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_taken_from_whom_the_ca_file_vouches_for_and_from_nobody_else() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let good = Signer::new("k1");
    let directory = tempfile::tempdir().expect("a directory");
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, ours.pem()).expect("a file");
    let ours_only = format!(", ca_file: {}", ca_file.display());
    let no_pem = directory.path().join("empty.pem");
    std::fs::write(&no_pem, "no certificate").expect("a file");

    let table: [(&str, ServerConfig, String, &str); 7] = [
        ("as it should be", ours.server("localhost", 4000), ours_only.clone(), ""),
        ("expired", ours.server("localhost", 2001), ours_only.clone(), "expired"),
        ("another name", ours.server("auth.example.com", 4000), ours_only.clone(), "not valid for name"),
        ("unknown to the file", theirs.server("localhost", 4000), ours_only, "invalid peer certificate"),
        ("unknown to the system", ours.server("localhost", 4000), String::new(), ""),
        (
            "a file without roots",
            ours.server("localhost", 4000),
            format!(", ca_file: {}", no_pem.display()),
            "holds no certificate",
        ),
        (
            "no file",
            ours.server("localhost", 4000),
            ", ca_file: /nowhere/ca.pem".to_owned(),
            "cannot be read",
        ),
    ];
    for (name, config, rest, told) in table {
        let mock = Mock::tls(Answer::fresh(jwks(&[&good])), config).await;
        let world = World::serve(&policy(&[("shaky", issuer(&mock, &rest))]));
        let token = good.token(&iss("shaky"));
        if name == "as it should be" {
            world.until_ready().await;
            assert_eq!(world.ask("/shaky", Some(&token)).await, "allowed");
            continue;
        }
        world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 1).await;
        assert!(world.error("shaky").contains(told), "{name}: {}", world.error("shaky"));
        let rows = [
            ("its own token", "/shaky", Some(&*token), "keys_unavailable"),
            ("an open route without a token", "/open", None, "allowed"),
        ];
        world.table(name, &rows).await;
        assert_eq!(mock.hits(), 0, "{name}: not even asked");
        world.saw(13, format_args!("{name}: no key taken"));
    }
}

/// Fault: an issuer's server speaks TLS 1.0, or no TLS at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_speak_tls_as_it_is_spoken_today_is_refused() {
    let good = Signer::new("k1");
    // A fatal alert in a record of TLS 1.0: protocol version.
    for (name, answer) in [
        ("TLS 1.0", Answer::Bytes(vec![0x15, 3, 1, 0, 2, 2, 70])),
        ("plain HTTP", Answer::json(jwks(&[&good]))),
    ] {
        let mock = Mock::start(answer).await;
        let world = World::serve(&policy(&[(
            "shaky",
            format!("{}, refresh: {{ timeout: 300ms }}", issuer(&mock, "")),
        )]));
        world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 1).await;
        let token = good.token(&iss("shaky"));
        let rows = [
            ("its own token", "/shaky", Some(&*token), "keys_unavailable"),
            ("an open route without a token", "/open", None, "allowed"),
        ];
        world.table(name, &rows).await;
    }
}

/// Fault: an issuer's metadata send us to a plain-http service on our own machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_over_tls_name_no_plain_http_on_loopback() {
    let (authority, good) = (Authority::new(), Signer::new("k1"));
    let directory = tempfile::tempdir().expect("a directory");
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).expect("a file");
    let inside = Mock::start(Answer::fresh(jwks(&[&good]))).await;
    let mock = Mock::tls(Answer::fresh(jwks(&[&good])), authority.server("localhost", 4000)).await;
    let here = format!("https://localhost:{}", mock.address.port());
    let metadata = |jwks_uri: &str| {
        Answer::json(serde_json::json!({ "issuer": iss("shaky"), "jwks_uri": jwks_uri }).to_string())
    };
    mock.answer_at("/metadata", metadata(&inside.url("/keys")));
    let keys = format!("keys: {{ discovery: \"{here}/metadata\", ca_file: {} }}", ca_file.display());
    let world = World::serve(&policy(&[("shaky", keys)]));
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 1).await;
    assert!(world.error("shaky").contains("is plain http"), "{}", world.error("shaky"));
    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "keys_unavailable");
    assert_eq!(inside.hits(), 0, "nobody asked there");
    mock.answer_at("/metadata", metadata(&format!("{here}/keys")));
    world.until("/shaky", &good.token(&iss("shaky")), "allowed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roots_that_are_replaced_are_used_at_the_next_fetch() {
    let (before, after) = (Authority::new(), Authority::new());
    let good = Signer::new("k1");
    let directory = tempfile::tempdir().expect("a directory");
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, before.pem()).expect("a file");
    let mock = Mock::tls(Answer::fresh(jwks(&[&good])), after.server("localhost", 4000)).await;
    let world =
        World::serve(&policy(&[("shaky", issuer(&mock, &format!(", ca_file: {}", ca_file.display())))]));
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 1).await;
    std::fs::write(&ca_file, after.pem()).expect("a file");
    world.until_ready().await;
}
