//! Signatures that are nearly ones.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::token::cache::CacheSettings;
use serde_json::json;

use super::super::mint::{Signer, part, public};
use super::super::{World, auth, auth_yaml, check, claims, jwks};
use super::table;

/// `big-endian` minus another of the same length.
fn minus(from: &[u8], what: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let digit = |(from, what): (&u8, &u8)| {
        let digit = i16::from(*from) - i16::from(*what) - borrow;
        borrow = i16::from(digit < 0);
        u8::try_from(digit.rem_euclid(256)).expect("a byte")
    };
    let mut digits: Vec<u8> = from.iter().zip(what).rev().map(digit).collect();
    digits.reverse();
    digits
}

const P256_ORDER: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";

#[test]
fn signatures_that_are_nearly_ones() {
    let (rsa, ec, ed) =
        (Signer::new("RS256", "rsa-a"), Signer::new("ES256", "p256-a"), Signer::new("EdDSA", "ed25519-a"));
    let world = auth(&[rsa.jwk(), ec.jwk(), ed.jwk()], "");
    let claims = claims(&json!({}));
    let split = |token: String| {
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        (signed.to_owned(), URL_SAFE_NO_PAD.decode(signature).expect("base64url"))
    };
    let (by_rsa, by_ec, by_ed) =
        (split(rsa.token(&claims)), split(ec.token(&claims)), split(ed.token(&claims)));
    let with = |signed: &(String, Vec<u8>), signature: &[u8]| format!("{}.{}", signed.0, part(signature));
    let modulus = URL_SAFE_NO_PAD.decode(public("rsa-a")["n"].as_str().expect("n")).expect("base64url");
    let one = [vec![0; 255], vec![1]].concat();
    let (r, s) = by_ec.1.split_at(32);
    let order = URL_SAFE_NO_PAD.decode(P256_ORDER).expect("base64url");
    let der = {
        let integer = |number: &[u8]| [&[2, 33, 0][..], number].concat();
        let body = [integer(r), integer(s)].concat();
        [vec![0x30, u8::try_from(body.len()).expect("short")], body].concat()
    };
    // S + L, both little-endian: the same number to whoever does not look at its size (RFC 8032 section 5.1.7).
    let larger = {
        let l = "7dP1XBpjEljWnPei3vneFAAAAAAAAAAAAAAAAAAAABA";
        let l = URL_SAFE_NO_PAD.decode(l).expect("base64url");
        let mut carry = 0_u16;
        let s = by_ed.1[32..].iter().zip(l).map(|(s, l)| {
            carry += u16::from(*s) + u16::from(l);
            let digit = carry.to_le_bytes()[0];
            carry >>= 8;
            digit
        });
        [by_ed.1[..32].to_vec(), s.collect()].concat()
    };
    let rows = [
        ("RSA: zero", with(&by_rsa, &[0; 256]), "bad_signature"),
        ("RSA: one", with(&by_rsa, &one), "bad_signature"),
        ("RSA: the modulus", with(&by_rsa, &modulus), "bad_signature"),
        ("RSA: the modulus less one", with(&by_rsa, &minus(&modulus, &one)), "bad_signature"),
        ("RSA: the modulus less the signature", with(&by_rsa, &minus(&modulus, &by_rsa.1)), "bad_signature"),
        ("RSA: a zero before", with(&by_rsa, &[&[0], &by_rsa.1[..]].concat()), "bad_signature"),
        ("RSA: a zero after", with(&by_rsa, &[&by_rsa.1[..], &[0]].concat()), "bad_signature"),
        ("RSA: as long as any", with(&by_rsa, &[1; 1024]), "bad_signature"),
        ("ECDSA: zeros (CVE-2022-21449)", with(&by_ec, &[0; 64]), "bad_signature"),
        ("ECDSA: r is zero", with(&by_ec, &[&[0; 32], s].concat()), "bad_signature"),
        ("ECDSA: s is zero", with(&by_ec, &[r, &[0; 32]].concat()), "bad_signature"),
        ("ECDSA: r is the order", with(&by_ec, &[&order, s].concat()), "bad_signature"),
        ("ECDSA: s is the order", with(&by_ec, &[r, &order].concat()), "bad_signature"),
        (
            "ECDSA: the other root, which RFC 7518 lets pass",
            with(&by_ec, &[r.to_vec(), minus(&order, s)].concat()),
            "allowed",
        ),
        ("ECDSA: r and s changed round", with(&by_ec, &[s, r].concat()), "bad_signature"),
        ("ECDSA: in DER", with(&by_ec, &der), "bad_signature"),
        ("ECDSA: a byte less", with(&by_ec, &by_ec.1[..63]), "bad_signature"),
        ("ECDSA: as long as of P-384", with(&by_ec, &[&by_ec.1[..], &[0; 32]].concat()), "bad_signature"),
        ("EdDSA: zeros", with(&by_ed, &[0; 64]), "bad_signature"),
        ("EdDSA: the identity and zero", with(&by_ed, &[&[1][..], &[0; 63]].concat()), "bad_signature"),
        ("EdDSA: S and the order", with(&by_ed, &larger), "bad_signature"),
        (
            "EdDSA: the highest bit",
            with(&by_ed, &[&by_ed.1[..63], &[by_ed.1[63] | 0x80]].concat()),
            "bad_signature",
        ),
        ("the signature of another algorithm", with(&by_rsa, &by_ec.1), "bad_signature"),
        (
            "the signature of another token",
            with(&by_rsa, &split(rsa.token(&super::super::claims(&json!({ "sub": "8" })))).1),
            "bad_signature",
        ),
    ];
    table(&rows, |token| world.bearer("/auth", token));
    // The same with everything remembered.
    let remembering = World::with_cache(
        &auth_yaml(""),
        vec![vec![jwks(&[rsa.jwk(), ec.jwk(), ed.jwk()])]],
        CacheSettings::default(),
    );
    for _ in 0..2 {
        table(&rows, |token| remembering.bearer("/auth", token));
    }
}

/// Bleichenbacher 2006: a cube that begins as the padding of a signature should, made without the private key.
#[test]
fn a_signature_made_of_a_cube_root_is_none() {
    let mut key = public("rsa-e3");
    key["kid"] = "rsa-e3".into();
    let world = auth(&[key.clone()], "");
    let honest = Signer::new("RS256", "rsa-e3").token(&claims(&json!({})));
    check("an honest one with the exponent 3", world.bearer("/auth", &honest), "allowed");
    let forged = include_str!("../../../data/tokens/cube-root.jwt").trim();
    check("a cube root", world.bearer("/auth", forged), "bad_signature");
}
