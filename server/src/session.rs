//! Who is signed in. Extractors that a handler names in its arguments, so that a page cannot be
//! served to nobody by accident.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::{
    id::{GuarantorId, LoginId, StaffId},
    practice::Practice,
    staff::{Permission, Role},
};
use futures_util::future::LocalBoxFuture;
use store::{
    audit::{Actor, Entry},
    session::{Kind, Session},
};

use crate::{
    clock::real_now,
    failure::Failure,
    house::House,
    visit::{Visit, house_of, short},
};

/// A member of staff, signed in with password and second factor, with a live membership.
#[derive(Clone)]
pub struct Staff {
    pub id: StaffId,
    pub name: String,
    pub role: Role,
    pub practice: Practice,
    pub session: Session,
    pub visit: Visit,
    /// Conversations with something unread, while there is an inbox.
    pub unread_texts: i64,
}

impl Staff {
    /// Texts are on and somebody reads what patients text back: there is an inbox (S-G6, X1).
    pub fn has_inbox(&self) -> bool {
        has_inbox(&self.practice)
    }

    /// Refuses, and says so in the audit, when the role does not allow it.
    pub async fn require(&self, house: &House, permission: Permission) -> Result<(), Failure> {
        if self.role.may(permission) {
            return Ok(());
        }
        let entry = self
            .entry("authz_denied", "permission", format!("{permission:?}"))
            .denied()
            .with(self.visit.path().to_owned());
        house.audit(entry).await?;
        Err(Failure::Forbidden)
    }

    pub fn actor(&self) -> Actor {
        Actor::Staff(self.id.to_string())
    }

    /// The session's member of staff, if the visit has one.
    pub async fn find(house: &House, visit: &Visit) -> Result<Option<Self>, Failure> {
        let Some(token) = visit.staff_token() else { return Ok(None) };
        let mut db = house.store.read().await?;
        let found = store::session::find(&mut db, Kind::Staff, token, real_now()).await?;
        let Some(session) = found else { return Ok(None) };
        let id = StaffId::trusted(session.subject_id.clone());
        // Read at every request: a removed person's next click is refused (R10).
        let role = store::staff::find_role(&mut db, &id, &session.practice).await?;
        let member = store::staff::load(&mut db, &id).await?;
        let practice = store::practice::load(&mut db, &session.practice).await?;
        let (Some(role), Some(member), Some(practice)) = (role, member, practice) else {
            return Ok(None);
        };
        let unread_texts = if has_inbox(&practice) {
            store::conversation::count_unread(&mut db, &practice.id).await?
        } else {
            0
        };
        let visit = visit.clone();
        Ok(Some(Self { id, name: member.name, role, practice, session, visit, unread_texts }))
    }

    /// An audit entry by this person, from this address.
    pub fn entry(
        &self,
        verb: &'static str,
        object_kind: &'static str,
        object_id: impl Into<String>,
    ) -> Entry {
        Entry::new(&self.practice.id, self.actor(), verb, object_kind, object_id)
            .from_address(self.visit.address())
    }
}

impl FromRequest for Staff {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let house = house_of(&request);
            let visit = Visit::extract(&request).await?;
            let staff = Self::find(&house, &visit)
                .await?
                .ok_or_else(|| Failure::SignIn { at: "/staff/sign-in", back: back_to(&request) })?;
            touch(&house, &staff.session, &request).await?;
            Ok(staff)
        })
    }
}

fn has_inbox(practice: &Practice) -> bool {
    practice.texts_are_enabled() && practice.settings.inbox_is_on
}

/// A patient's login, signed in, with the accounts it may see.
#[derive(Clone)]
pub struct Patient {
    pub login: LoginId,
    pub practice: Practice,
    /// Accounts added by their own link and match; never empty.
    pub guarantors: Vec<GuarantorId>,
    pub session: Session,
    pub visit: Visit,
}

impl Patient {
    pub fn actor(&self) -> Actor {
        Actor::Login(self.login.to_string())
    }

    pub fn entry(
        &self,
        verb: &'static str,
        object_kind: &'static str,
        object_id: impl Into<String>,
    ) -> Entry {
        Entry::new(&self.practice.id, self.actor(), verb, object_kind, object_id)
            .from_address(self.visit.address())
    }

    /// The session's patient, if the visit has one.
    pub async fn find(house: &House, visit: &Visit) -> Result<Option<Self>, Failure> {
        let Some(token) = visit.patient_token() else { return Ok(None) };
        let mut db = house.store.read().await?;
        let found = store::session::find(&mut db, Kind::Patient, token, real_now()).await?;
        let Some(session) = found else { return Ok(None) };
        let login = LoginId::trusted(session.subject_id.clone());
        let practice = store::practice::load(&mut db, &session.practice).await?;
        let guarantors = store::login::list_accounts(&mut db, &session.practice, &login).await?;
        let (Some(practice), false) = (practice, guarantors.is_empty()) else { return Ok(None) };
        Ok(Some(Self { login, practice, guarantors, session, visit: visit.clone() }))
    }
}

impl FromRequest for Patient {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let house = house_of(&request);
            let visit = Visit::extract(&request).await?;
            let patient = Self::find(&house, &visit)
                .await?
                .ok_or_else(|| Failure::SignIn { at: "/sign-in", back: back_to(&request) })?;
            touch(&house, &patient.session, &request).await?;
            Ok(patient)
        })
    }
}

/// Where to come back to after signing in: only a page that answers GET.
fn back_to(request: &HttpRequest) -> String {
    if request.method() == actix_web::http::Method::GET {
        request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned()
    } else {
        request.uri().path().to_owned()
    }
}

/// Writes last-seen, once a minute at most. Live updates are not activity (decision 16).
async fn touch(house: &House, session: &Session, request: &HttpRequest) -> Result<(), Failure> {
    let now = real_now();
    let is_live = request.headers().contains_key("x-live-update");
    // While nothing can be written, pages can still be read for as long as the session lasts: Health is
    // one of them (R61).
    if is_live || !session.wants_touch(now) || !house.store.is_healthy() {
        return Ok(());
    }
    let hash = session.token_hash.clone();
    let touched = house.store.write(move |db| {
        let hash = hash.clone();
        Box::pin(async move { store::session::mark_seen(db, &hash, now).await })
    });
    touched.await?;
    Ok(())
}

/// Only paths of ours, under `root`, may follow a sign-in (R51).
pub fn local_path(wanted: &str, root: &str) -> Option<String> {
    let plain = wanted.starts_with(root)
        && !wanted.starts_with("//")
        // Browsers take a backslash for a slash, and leave out tabs and line ends.
        && !wanted.contains(|c: char| c == '\\' || c.is_control())
        && wanted.len() <= 1024;
    plain.then(|| wanted.to_owned())
}

/// Names a session in the audit.
pub fn session_label(session: &Session) -> String {
    short(&session.token_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_ours_is_come_back_to() {
        for path in ["/account", "/account?of=gua_1", "/account/receipts"] {
            assert_eq!(local_path(path, "/account").as_deref(), Some(path));
        }
        for elsewhere in [
            "",
            "https://evil.example/account",
            "//evil.example/account",
            "/\\evil.example",
            "/staff",
            "javascript:alert(1)",
            "/account\r\nset-cookie: staff=1",
            "/account\\..\\..",
        ] {
            assert_eq!(local_path(elsewhere, "/account"), None, "{elsewhere}");
        }
        for elsewhere in
            ["//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example"]
        {
            assert_eq!(local_path(elsewhere, "/"), None, "{elsewhere}");
        }
    }
}
