//! Examples of the RFCs: what others signed verifies, and a changed byte does not.

use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use serde_json::json;

use super::mint::jwks;
use super::{World, check};

/// RFC 7515 appendix A.1 to A.3: `{"iss":"joe","exp":1300819380,"http://example.com/is_root":true}`.
const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn joe(settings: &str, keys: KeySet) -> World {
    let yaml = format!(
        "  joe:\n    issuer: joe\n    audiences: any\n    keys: {{ jwks_url: https://joe.example/jwks }}\n{settings}"
    );
    World::new(&yaml, vec![vec![keys]])
}

/// The examples expired in 2011: whose signature holds gets as far as that.
#[track_caller]
fn verifies(world: &World, token: &str) {
    check("as published", world.bearer("/joe", token), "expired");
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("{signed}.{first}{}", signature.get(1..).expect("ASCII"));
    check("altered", world.bearer("/joe", &altered), "bad_signature");
}

#[test]
fn rfc_7515_a_1_hs256() {
    let secret = b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let keys = KeySet::from_secret(secret, Encoding::Base64Url, &[Algorithm::Hs256]).expect("a secret");
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    verifies(&joe("    algorithms: [HS256]\n", keys), &token);
}

#[test]
fn rfc_7515_a_2_rs256() {
    let key = json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" });
    let keys = KeySet::from_jwks(jwks(&[key]).as_bytes()).expect("a key");
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    verifies(&joe("", keys), &token);
}

#[test]
fn rfc_7515_a_3_es256() {
    let key = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let keys = KeySet::from_jwks(jwks(&[key]).as_bytes()).expect("a key");
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    verifies(&joe("", keys), &token);
}

/// Not a JWT: its payload is the text `Payload`. Whose signature holds is told that; who changed it is not.
#[test]
fn rfc_7515_a_4_es512_and_rfc_8037_a_4_ed25519_sign_something_else_than_claims() {
    let es512 = json!({ "kty": "EC", "crv": "P-521", "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk", "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2" });
    let ed25519 =
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let keys = KeySet::from_jwks(jwks(&[es512, ed25519]).as_bytes()).expect("keys");
    assert_eq!(keys.len(), 2);
    let world = joe("", keys);
    let examples = [
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ];
    for example in examples {
        check("it is no token", world.bearer("/joe", example), "malformed_token");
    }
}

/// RFC 7519 section 6.1: an unsecured JWT.
#[test]
fn rfc_7519_6_1_is_refused() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let world = joe("", KeySet::from_jwks(jwks(&[key]).as_bytes()).expect("a key"));
    check(
        "without a signature",
        world.bearer("/joe", &format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.")),
        "malformed_token",
    );
    check(
        "with one",
        world.bearer("/joe", &format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.AA")),
        "disallowed_algorithm",
    );
}
