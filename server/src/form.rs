//! Posted forms: size, shape, where they came from, and the token that ties them to their page.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web,
};
use domain::card_number;
use futures_util::{StreamExt, future::LocalBoxFuture};

use crate::{
    failure::Failure,
    headers::origin,
    house::House,
    visit::{Visit, house_of},
};

/// The largest form we have is a list of a few thousand checkboxes.
const LARGEST: usize = 512 * 1024;
const FIELDS_MOST: usize = 20_000;

/// The fields of a form that passed every check.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    fields: Vec<(String, String)>,
}

impl Posted {
    /// A field that must come once. Missing, doubled or empty is the empty string (R01).
    pub fn text(&self, name: &str) -> &str {
        let named = self.fields.iter().filter(|(n, _)| n == name);
        let mut values = named.map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => "",
        }
    }

    /// A text that is not empty after trimming.
    pub fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// Every value of a repeated field: checkboxes.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.fields.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Fields whose name begins with `prefix`, as (rest of the name, value).
    pub fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.fields
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// All of it but the token: to tell a form from the same one once more.
    pub fn words(&self) -> String {
        let fields = self.fields.iter().filter(|(name, _)| name != "csrf");
        fields.map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// For tests of what reads a form.
    #[cfg(test)]
    pub fn of(fields: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { fields: fields.iter().map(own).collect() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(n, _)| n == name)
    }
}

impl FromRequest for Posted {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = web::Payload::from_request(&request, payload);
        Box::pin(async move {
            let house = house_of(&request);
            same_origin(&request, &house)?;
            let content_type = text_of(request.headers(), &header::CONTENT_TYPE);
            if !content_type.starts_with("application/x-www-form-urlencoded") {
                return Err(Failure::Malformed("Send the form from its page."));
            }
            let mut payload = (&mut payload).await.map_err(Failure::broken)?;
            let mut body = web::BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk =
                    chunk.map_err(|_| Failure::Malformed("The form arrived incomplete."))?;
                if body.len() + chunk.len() > LARGEST {
                    return Err(Failure::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body)
                .map_err(|_| Failure::Malformed("The form cannot be read."))?;
            if fields.len() > FIELDS_MOST {
                return Err(Failure::TooLarge);
            }
            // No text, and not every database keeps it.
            if fields.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
                return Err(Failure::Malformed("The form cannot be read."));
            }
            let posted = Self { fields };
            let visit = Visit::extract(&request).await?;
            if !visit.csrf_is_valid(&house, posted.text("csrf")) {
                return Err(Failure::Forgery);
            }
            // Before anything can keep, log or send it: cards are typed at the processor (R50).
            if posted.fields.iter().any(|(_, value)| card_number::is_in(value)) {
                return Err(Failure::card_number());
            }
            Ok(posted)
        })
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Refuses what another site sent. Old phones send neither header: the form's token decides.
pub fn same_origin(request: &HttpRequest, house: &House) -> Result<(), Failure> {
    let headers = request.headers();
    if let Some(site) = headers.get("sec-fetch-site")
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return Err(Failure::Forgery);
    }
    let Some(sent) = headers.get(header::ORIGIN) else { return Ok(()) };
    let sent = sent.to_str().unwrap_or("null");
    let host = text_of(headers, &header::HOST);
    let by_host = sent.split_once("://").is_some_and(|(_, authority)| authority == host);
    let by_base = house.config.public_base.as_deref().is_some_and(|base| origin(base) == sent);
    if by_host || by_base { Ok(()) } else { Err(Failure::Forgery) }
}
