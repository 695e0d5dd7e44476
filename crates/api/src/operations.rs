//! Each operation: method, path, parameters, and every answer that it can give. The functions are only descriptions, which
//! [`crate::openapi`] collects: the server's handlers and the client's methods have their names, and a test of the server
//! holds its routes to them.
#![allow(
    dead_code,
    reason = "described here; what it describes is in the server and the client"
)]
#![allow(unused_qualifications, reason = "in what the macro makes of a type's name")]

use utoipa::IntoParams;

use crate::authorities::Authorities;
use crate::certificates::{CertificateEntry, CertificatePage, SearchQuery};
use crate::crls::{Crls, PublicationState, PublishRequest};
use crate::health::Health;
use crate::issue::{CertificateRequest, IssueAnswer, RenewRequest};
use crate::problem::ProblemBody;
use crate::revoke::{RevokeAnswer, RevokeRequest};

/// The serial number in a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SerialParameter {
    /// Serial number, decimal or 0x….
    #[param(pattern = "^([0-9]{1,49}|0x[0-9a-fA-F]{1,40})$")]
    serial_number: String,
}

/// A request that can be repeated.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyKey {
    /// Up to 128 printable characters; repeating the request with it gets the same certificate.
    #[param(value_type = String, required = false, pattern = "^[!-~]([ -~]{0,126}[!-~])?$", rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// Issues a certificate for a CSR.
///
/// With `ca_chain_only`, no certificate is issued, and the answer contains the chain alone.
#[utoipa::path(post, path = "/api/v1/certificates", tag = "certificates", request_body = CertificateRequest,
    params(IdempotencyKey),
    responses(
        (status = 200, description = "The certificate and its chain", body = IssueAnswer, links(
            ("The certificate" = (operation_id = "show",
                parameters(("serial_number" = "$response.body#/CertificateInfo/SerialNumber")))),
            ("Renew it" = (operation_id = "renew",
                parameters(("serial_number" = "$response.body#/CertificateInfo/SerialNumber")))),
            ("Revoke it" = (operation_id = "revoke",
                parameters(("serial_number" = "$response.body#/CertificateInfo/SerialNumber")))))),
        (status = 400, description = "The request is malformed", body = ProblemBody),
        (status = 403, description = "The token lacks the scope `issue`", body = ProblemBody),
        (status = 409, description = "The key or the idempotency token is in use", body = ProblemBody),
        (status = 422, description = "The request is refused: what it says is well formed, and is not certified", body = ProblemBody)))]
pub(crate) fn issue() {}

/// Finds certificates, page by page.
#[utoipa::path(get, path = "/api/v1/certificates", tag = "certificates", params(SearchQuery),
    responses(
        (status = 200, description = "A page", body = CertificatePage, links(
            ("The newest of them" = (operation_id = "show",
                parameters(("serial_number" = "$response.body#/certificates/0/serial_number")))),
            ("Renew it" = (operation_id = "renew",
                parameters(("serial_number" = "$response.body#/certificates/0/serial_number")))),
            ("Revoke it" = (operation_id = "revoke",
                parameters(("serial_number" = "$response.body#/certificates/0/serial_number")))))),
        (status = 400, description = "A condition is malformed, or `after` is not the `next` of a page", body = ProblemBody)))]
pub(crate) fn search() {}

/// One certificate.
#[utoipa::path(get, path = "/api/v1/certificates/{serial_number}", tag = "certificates",
    params(SerialParameter),
    responses(
        (status = 200, description = "The certificate", body = CertificateEntry),
        (status = 400, description = "That is no serial number", body = ProblemBody),
        (status = 404, description = "No such certificate", body = ProblemBody)))]
pub(crate) fn show() {}

/// Revokes a certificate, for good, and publishes the CRL.
///
/// `keyCompromise` and `cACompromise` revoke every certificate of the same key, whatever its name, and every one that
/// descends from any certificate of the key by renewal, and block the key: no certificate is issued for it again.
///
/// A CA's certificate needs a token of scope `admin`: nothing is issued or renewed under it from then on.
#[utoipa::path(post, path = "/api/v1/certificates/{serial_number}/revoke", tag = "certificates", request_body = RevokeRequest,
    params(SerialParameter),
    responses(
        (status = 200, description = "It is revoked", body = RevokeAnswer, links(("The certificate" = (operation_id = "show",
            parameters(("serial_number" = "$response.body#/certificate/serial_number")))))),
        (status = 400, description = "The request is malformed: there is no such reason, or the date is no time", body = ProblemBody),
        (status = 403, description = "The token lacks the scope `revoke`, or for a CA's certificate `admin`", body = ProblemBody),
        (status = 404, description = "No such certificate", body = ProblemBody),
        (status = 422, description = "A root, or a date that lies in the future", body = ProblemBody)))]
pub(crate) fn revoke() {}

/// Renews a certificate: the same names and usages, for the same key or that of a new CSR.
///
/// The holder of the certificate may renew it in the last part of its life (`renewal_window_divisor`, a third by
/// default), by presenting it as TLS client certificate, whatever it was issued for; the holder of a token with scope
/// `issue` may renew it with a CSR. A certificate has one successor at a time that is neither expired nor revoked; a
/// repeated request with the same `Idempotency-Key` gets that one. A certificate that is revoked, or descends from a
/// revoked one, is not renewed.
#[utoipa::path(post, path = "/api/v1/certificates/{serial_number}/renew", tag = "certificates", request_body = RenewRequest,
    params(SerialParameter, IdempotencyKey),
    responses(
        (status = 200, description = "The new certificate and its chain", body = IssueAnswer, links(
            ("The certificate" = (operation_id = "show",
                parameters(("serial_number" = "$response.body#/CertificateInfo/SerialNumber")))),
            ("Renew it" = (operation_id = "renew",
                parameters(("serial_number" = "$response.body#/CertificateInfo/SerialNumber")))),
            ("Revoke it" = (operation_id = "revoke",
                parameters(("serial_number" = "$response.body#/CertificateInfo/SerialNumber")))))),
        (status = 400, description = "The request is malformed", body = ProblemBody),
        (status = 401, description = "Neither client certificate nor valid token", body = ProblemBody),
        (status = 403, description = "Another's certificate, or a token without the scope `issue`", body = ProblemBody),
        (status = 404, description = "No such certificate", body = ProblemBody),
        (status = 409, description = "It was renewed already, or the key or the idempotency token is in use", body = ProblemBody),
        (status = 422, description = "The renewal is refused", body = ProblemBody)))]
pub(crate) fn renew() {}

/// The state of every CRL.
#[utoipa::path(get, path = "/api/v1/crls", tag = "crls",
    responses((status = 200, description = "Every CRL", body = Crls), (status = 401, description = "No valid token", body = ProblemBody)))]
pub(crate) fn status() {}

/// Makes and publishes CRLs now. After ten seconds it continues in the background, and its progress can be queried.
#[utoipa::path(post, path = "/api/v1/crls", tag = "crls", request_body = PublishRequest,
    responses(
        (status = 200, description = "The outcome of each CRL: one that failed has a `problem`", body = Crls),
        (status = 202, description = "It is in progress: query it at `Location`", body = PublicationState,
            headers(("Location" = String, description = "`/api/v1/crls/publications/…`")),
            links(("Ask after it" = (operation_id = "publication",
                parameters(("publication" = "$response.body#/publication")))))),
        (status = 400, description = "The request is malformed", body = ProblemBody),
        (status = 403, description = "The token lacks the scope `admin`", body = ProblemBody),
        (status = 404, description = "No such CA", body = ProblemBody)))]
pub(crate) fn publish() {}

/// The progress of a publication that was requested here, as long as the server remembers it.
#[utoipa::path(get, path = "/api/v1/crls/publications/{publication}", tag = "crls",
    params(("publication" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "Its progress", body = PublicationState),
        (status = 404, description = "No such publication, or the server no longer remembers it: `GET /api/v1/crls` has the state of every CRL", body = ProblemBody)))]
pub(crate) fn publication() {}

/// CA certificates are public: no token is asked for.
#[utoipa::path(get, path = "/api/v1/authorities", tag = "authorities", security(()),
    responses((status = 200, description = "The CAs, parents first", body = Authorities)))]
pub(crate) fn list() {}

/// The state of the ledger and of every CRL, read at most two seconds ago, or somewhat longer with many CRLs.
#[utoipa::path(get, path = "/api/v1/health", tag = "operation", security(()),
    responses((status = 200, description = "It works, perhaps degraded", body = Health), (status = 503, description = "It does not work", body = Health)))]
pub(crate) fn health() {}

/// Counters of the process, totals of the ledger, number and age of each CRL.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "operation", security(()),
    responses((status = 200, description = "OpenMetrics text", content_type = "application/openmetrics-text", body = String)))]
pub(crate) fn metrics() {}
