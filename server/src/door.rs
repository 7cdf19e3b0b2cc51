//! The door to a patient's own pages: which practice, which link in hand, in which language. What
//! stands here may choose which form is shown first, and nothing else (decision 15).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use app::{
    pages::{NoPractice, PatientShell, PracticeFace},
    words::Lang,
};
use domain::{
    clock::UnixMs,
    id::{GuarantorId, PracticeId},
    practice::Practice,
};
use store::{
    Db,
    audit::{Actor, Entry},
    link::Link,
};

use crate::{
    failure::Failure,
    house::House,
    visit::{self, Visit, patient_shell, short},
    wording::lang_of,
};

pub struct Door {
    pub practice: Practice,
    /// The live link this browser opened last.
    pub link: Option<Link>,
    pub lang: Lang,
    pub visit: Visit,
}

impl Door {
    /// By the link in hand, else by address, host, or because there is only one practice.
    pub async fn find(
        house: &House,
        request: &HttpRequest,
        visit: &Visit,
    ) -> Result<Self, Failure> {
        let mut db = house.store.read().await?;
        let link = match visit.pay_pass() {
            Some(pass) => {
                store::link::find_by_hash(&mut db, &pass.link_hash, house.world.now()).await?
            }
            None => None,
        };
        let of_link = match &link {
            Some(link) => store::practice::load(&mut db, &link.practice).await?,
            None => None,
        };
        let practice = match of_link {
            Some(practice) => practice,
            None => {
                drop(db);
                let found = visit::practice_at_hand(house, request, visit).await?;
                let practice = found.ok_or_else(|| which_practice(house, visit))?;
                db = house.store.read().await?;
                practice
            }
        };
        let owner = link.as_ref().map(|link| &link.guarantor);
        let lang = lang(&mut db, visit, &practice.id, owner).await?;
        Ok(Self { practice, link, lang, visit: visit.clone() })
    }

    /// The link proves that its contact is in hand: it came with a message of the last 72 hours.
    pub fn holds_contact(&self, now: UnixMs) -> bool {
        self.link.as_ref().is_some_and(|link| link.proves_possession(now))
    }

    pub fn actor(&self) -> Actor {
        match &self.link {
            Some(link) => Actor::LinkHolder(short(&link.token_hash)),
            None => Actor::Visitor,
        }
    }

    /// An audit entry about whoever stands here.
    pub fn entry(
        &self,
        verb: &'static str,
        object_kind: &'static str,
        object_id: impl Into<String>,
    ) -> Entry {
        Entry::new(&self.practice.id, self.actor(), verb, object_kind, object_id)
            .from_address(self.visit.address())
    }

    /// Around a page of somebody who is not signed in. `path` is shown again after a change of
    /// language.
    pub fn shell(&self, house: &House, path: &str) -> PatientShell {
        let mut shell = patient_shell(house, &self.visit, &self.practice, self.lang, false);
        path.clone_into(&mut shell.path);
        shell
    }

    /// Back to paying, while there is a link.
    pub fn pay_href(&self) -> Option<String> {
        self.link.as_ref().map(|_| "/pay".to_owned())
    }
}

/// Chosen by hand, else the account's, else the browser's.
async fn lang(
    db: &mut Db,
    visit: &Visit,
    practice: &PracticeId,
    owner: Option<&GuarantorId>,
) -> Result<Lang, Failure> {
    if let Some(lang) = visit.chosen_lang() {
        return Ok(lang);
    }
    let known = match owner {
        Some(owner) => store::guarantor::find_language(db, practice, owner).await?,
        None => None,
    };
    Ok(known.map(lang_of).or_else(|| visit.lang()).unwrap_or_default())
}

fn which_practice(house: &House, visit: &Visit) -> Failure {
    let shell = PatientShell {
        lang: visit.lang().unwrap_or_default(),
        practice: PracticeFace {
            alias: "Clearbill".into(),
            phone: String::new(),
            hours: String::new(),
            accent: "#0b6e6e".into(),
        },
        csrf: visit.csrf(house),
        path: "/".into(),
        is_signed_in: false,
    };
    Failure::Page(StatusCode::NOT_FOUND, NoPractice.html(&shell))
}

/// A finished page of ours.
pub fn page(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html)
}
