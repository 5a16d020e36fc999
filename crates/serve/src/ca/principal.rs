//! Whom a token speaks of, once it is believed: what goes into the certificate.

use der::asn1::ObjectIdentifier;
use signhere_pki::cert::San;
use signhere_pki::fulcio;
use signhere_pki::jwt::{Jwks, Jwt, JwtExpect, verify_jwt};
use signhere_pki::key::PublicKey;
use signhere_pki::time::Time;

use super::refusal::Refusal;
use super::request::Proof;
use crate::email::EmailAddress;

/// Seconds that a token's times may be off: one machine, one clock, and whole seconds.
const LEEWAY: u32 = 5;

/// An issuer whose tokens the CA believes.
pub(crate) struct TrustedIssuer {
    /// The `iss` of its tokens.
    pub(crate) url: String,
    /// The `aud` that its tokens must have.
    pub(crate) audience: String,
    /// The keys its tokens verify with.
    pub(crate) keys: Jwks,
}

/// A person, as a believed token names them.
#[derive(Debug)]
pub(super) struct Principal {
    issuer: String,
    subject: String,
    email: EmailAddress,
}

impl Principal {
    /// The person that `token` speaks of.
    pub(super) fn believe(
        token: &str,
        issuers: &[TrustedIssuer],
        now: Time,
    ) -> Result<Self, Refusal> {
        let unverified = Jwt::parse(token).map_err(Refusal::Token)?;
        let named = unverified.issuer().unwrap_or_default();
        let issuer = issuers
            .iter()
            .find(|issuer| issuer.url == named)
            .ok_or(Refusal::UnknownIssuer)?;
        let expect = JwtExpect {
            issuer: &issuer.url,
            audience: &issuer.audience,
            now,
            leeway_seconds: LEEWAY,
        };
        let jwt = verify_jwt(token, &issuer.keys, &expect).map_err(Refusal::Token)?;

        let subject = jwt.subject().unwrap_or_default();
        if subject.is_empty() {
            return Err(Refusal::Claim {
                claim: "sub",
                problem: "is missing",
            });
        }
        let claims = jwt.claims();
        let email = claims.get("email").and_then(|email| email.as_str());
        let email = email.ok_or(Refusal::Claim {
            claim: "email",
            problem: "is missing",
        })?;
        let email = EmailAddress::parse(email).filter(|parsed| parsed.as_str() == email);
        let email = email.ok_or(Refusal::Claim {
            claim: "email",
            problem: "is not an e-mail address",
        })?;
        if claims.get("email_verified") != Some(&serde_json::Value::Bool(true)) {
            return Err(Refusal::Claim {
                claim: "email_verified",
                problem: "is not true",
            });
        }
        Ok(Self {
            issuer: issuer.url.clone(),
            subject: subject.to_owned(),
            email,
        })
    }

    /// Refuses a key whose holder has not shown that they hold it.
    pub(super) fn require_proof(&self, key: &PublicKey, proof: &Proof) -> Result<(), Refusal> {
        match proof {
            Proof::SelfSigned => Ok(()),
            Proof::Challenge(signature) => key
                .verify(
                    key.default_scheme(),
                    self.email.as_str().as_bytes(),
                    signature,
                )
                .map_err(|_| Refusal::ProofOfPossession { claim: "email" }),
        }
    }

    /// The certificate's one subject alternative name.
    pub(super) fn san(&self) -> San {
        San::Email(self.email.as_str().to_owned())
    }

    /// Fulcio's extensions: the issuer in its old and its new form, and the token's subject.
    pub(super) fn extensions(&self) -> der::Result<Vec<(ObjectIdentifier, Vec<u8>)>> {
        Ok(vec![
            fulcio::extension(fulcio::ISSUER_V1, &self.issuer)?,
            fulcio::extension(fulcio::ISSUER_V2, &self.issuer)?,
            fulcio::extension(fulcio::TOKEN_SUBJECT, &self.subject)?,
        ])
    }
}
