use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::*;

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/identity/");
    fs::read_to_string(format!("{folder}{name}")).unwrap()
}

/// The public key that OpenSSL derived from the private one.
fn public_key() -> Vec<u8> {
    let pem = fixture("public-key.pem");
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    base64::engine::general_purpose::STANDARD
        .decode(lines.collect::<String>())
        .unwrap()
}

#[test]
fn the_assertion_is_what_entra_documents_and_its_signature_is_good() {
    let pem = fixture("key.pem") + &fixture("certificate.pem");
    let certificate = ClientCertificate::parse(pem.as_bytes()).unwrap();
    let audience = "https://login.example/t/oauth2/v2.0/token";
    let assertion = certificate.assertion("app", audience, 1_000).unwrap();
    let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else {
        panic!("{assertion}");
    };
    let read = |part| URL_SAFE_NO_PAD.decode(part).unwrap();
    let header_read: Value = serde_json::from_slice(&read(header)).unwrap();
    assert_eq!(
        header_read,
        json!({"alg": "RS256", "typ": "JWT", "x5t": "-Etn7qduRp3Hx93b32XZtZwCSt0"}),
        "the thumbprint is what `openssl sha1` says"
    );
    let mut claims_read: Value = serde_json::from_slice(&read(claims)).unwrap();
    let id = claims_read["jti"].take();
    assert!(16 < id.as_str().unwrap().len());
    assert_eq!(
        claims_read,
        json!({"aud": audience, "iss": "app", "sub": "app", "jti": null, "nbf": 1_000, "iat": 1_000, "exp": 1_300})
    );
    let public_key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key());
    let signed = format!("{header}.{claims}");
    public_key
        .verify(signed.as_bytes(), &read(signature))
        .unwrap();
    let forged = format!("{header}.{claims}x");
    assert!(
        public_key
            .verify(forged.as_bytes(), &read(signature))
            .is_err()
    );
}

#[test]
fn what_is_no_certificate_with_its_key_is_told_with_what_to_do() {
    let (certificate, key) = (fixture("certificate.pem"), fixture("key.pem"));
    let encrypted = certificate.clone() + &key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let broken = certificate.clone() + &key.replace("MII", "AAA");
    let other = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let rows = [
        (
            b"\x30\x82\x09\x00\x02\x01\x03".to_vec(),
            "it is PKCS#12 (PFX) or DER, and PEM is needed; convert it: openssl pkcs12 -in",
        ),
        (
            encrypted.into(),
            "its key is encrypted, and must not be; take the password off (openssl pkcs12 -in",
        ),
        (Vec::new(), "it holds no certificate in PEM"),
        (key.clone().into(), "it holds no certificate in PEM"),
        (certificate.clone().into(), "it holds no private key in PEM"),
        (broken.into(), "its private key cannot be read"),
        (
            (certificate.clone() + &fixture("ec-key.pem")).into(),
            "its private key is not an RSA key",
        ),
        (
            (other.cert.pem() + &key).into(),
            "its private key is not that of its first certificate",
        ),
    ];
    for (file, said) in rows {
        let error = ClientCertificate::parse(&file).unwrap_err();
        assert!(error.starts_with(said), "{said}: {error}");
    }
    let error = ClientCertificate::read(Path::new("/does/not/exist")).unwrap_err();
    assert!(error.starts_with("the file /does/not/exist cannot be read"));
}

#[test]
fn the_key_does_not_appear_in_debug_output() {
    let pem = fixture("key.pem") + &fixture("certificate.pem");
    let shown = format!("{:?}", ClientCertificate::parse(pem.as_bytes()).unwrap());
    assert!(shown.len() < 100, "{shown}");
}
