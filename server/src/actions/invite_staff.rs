//! `POST /staff/people`: an account of one's own for a colleague. `POST /staff/people/{id}/invitation`:
//! a new way in for somebody who lost theirs.

use actix_web::{HttpRequest, web};
use app::{
    components::Errors,
    pages::staff::{InvitationMade, InviteForm},
};
use domain::{
    clock::DAY_MS,
    id::{PracticeId, StaffId},
    phone::normalise_email,
    staff::{Permission, Role},
};
use engine::StaffMail;
use store::{Db, StoreError, keys};

use crate::{
    clock::real_now,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::people,
    session::Staff,
    staff_mail,
    workspace::{self, base_of, refused, shown},
};

/// As the email says.
pub const INVITATION_LASTS_MS: i64 = DAY_MS;
const NAME_LONGEST: usize = 80;

/// What became of an invitation, decided in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invited {
    /// The link was made.
    Made,
    /// They have a password already and gained this practice.
    Joined,
    /// Another practice's invitation is still open: theirs to accept, not ours to replace (R06).
    Waits,
    AlreadyHere,
    Disabled,
}

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageStaff).await?;
    let form = InviteForm {
        name: posted.text("name").trim().to_owned(),
        email: posted.text("email").trim().to_owned(),
        role: posted.text("role").to_owned(),
    };
    let role = match check(&form) {
        Ok(role) => role,
        Err(errors) => return people::list_again(&house, &staff, form, errors).await,
    };
    let (link, hash) = new_link(&house, &staff, &request);
    let outcome = invite(&house, &staff, &form, role, hash).await?;
    let made = |link, was_sent, note: &str| InvitationMade {
        name: form.name.clone(),
        email: form.email.clone(),
        link,
        was_sent,
        note: note.to_owned(),
    };
    let page = match outcome {
        Invited::Made => {
            let was_sent = send(&house, &staff, &form.email, &link).await;
            made(Some(link), was_sent, "")
        }
        Invited::Joined => {
            made(None, false, "They have an account already and can open this practice at once.")
        }
        Invited::Waits => made(
            None,
            false,
            "An invitation of theirs is open already. It opens this practice too.",
        ),
        Invited::AlreadyHere => {
            let errors =
                Errors::new().on("email", "Somebody with this address works here already.");
            return people::list_again(&house, &staff, form, errors).await;
        }
        Invited::Disabled => {
            let errors = Errors::new().on("email", "This account was disabled on this server.");
            return people::list_again(&house, &staff, form, errors).await;
        }
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, people::SECTION))))
}

/// A name, an address that can be one, and a role.
pub fn check(form: &InviteForm) -> Result<Role, Errors> {
    let mut errors = Errors::new();
    let length = form.name.chars().count();
    if length == 0 || length > NAME_LONGEST || form.name.chars().any(char::is_control) {
        errors = errors.on("name", "Enter the person's name.");
    }
    if normalise_email(&form.email).is_err() {
        errors = errors.on("email", "Enter an email address like name@example.org.");
    }
    match form.role.parse::<Role>() {
        Ok(role) if errors.is_empty() => Ok(role),
        Ok(_) => Err(errors),
        Err(_) => Err(errors.on("role", "Choose a role.")),
    }
}

/// An invitation link and the hash to store.
fn new_link(house: &House, staff: &Staff, request: &HttpRequest) -> (String, String) {
    let token = keys::new_token(keys::TOKEN_BYTES);
    let base = base_of(house, &staff.practice, request);
    (format!("{base}/staff/invitation/{token}"), keys::token_hash(&token))
}

async fn invite(
    house: &House,
    staff: &Staff,
    form: &InviteForm,
    role: Role,
    hash: String,
) -> Result<Invited, Failure> {
    let new_id: StaffId = house.world.mint();
    let practice = staff.practice.id.clone();
    let (form, world, now) = (form.clone(), house.world.clone(), real_now());
    let staff = (staff.entry("staff_invited", "staff", new_id.as_str()), new_id);
    let outcome = house.store.write(move |db| {
        let (form, world, practice) = (form.clone(), world.clone(), practice.clone());
        let ((mut entry, new_id), hash) = (staff.clone(), hash.clone());
        Box::pin(async move {
            let until = now.plus_ms(INVITATION_LASTS_MS);
            let known = store::staff::find_by_email(db, &form.email).await?;
            let (id, outcome) = match known {
                None => {
                    let invited = Some((hash.as_str(), until));
                    let at = world.now();
                    store::staff::insert(db, &new_id, &form.email, &form.name, invited, at).await?;
                    (new_id, Invited::Made)
                }
                Some(member) if member.disabled_at.is_some() => return Ok(Invited::Disabled),
                Some(member) => {
                    let outcome = again(db, &practice, &member).await?;
                    if outcome == Invited::AlreadyHere {
                        return Ok(outcome);
                    }
                    if outcome == Invited::Made {
                        store::staff::mark_invited(db, &member.id, &hash, until).await?;
                    }
                    (member.id, outcome)
                }
            };
            store::staff::mark_membership(db, &id, &practice, role, world.now()).await?;
            entry.object_id = id.to_string();
            entry.detail = role.as_str().to_owned();
            store::audit::insert(db, &world, &entry).await?;
            Ok(outcome)
        })
    });
    Ok(outcome.await?)
}

/// For somebody this server knows already.
async fn again(
    db: &mut Db,
    practice: &PracticeId,
    member: &store::staff::Member,
) -> Result<Invited, StoreError> {
    if store::staff::find_role(db, &member.id, practice).await?.is_some() {
        return Ok(Invited::AlreadyHere);
    }
    if member.password_hash.is_some() {
        return Ok(Invited::Joined);
    }
    let elsewhere = store::staff::list_practices(db, &member.id).await?;
    Ok(if elsewhere.is_empty() { Invited::Made } else { Invited::Waits })
}

/// True when the link also went by email.
async fn send(house: &House, staff: &Staff, email: &str, link: &str) -> bool {
    let mail = StaffMail::Invitation { invited_by: staff.name.clone(), link: link.to_owned() };
    staff_mail::send(house, &staff.practice, email, mail).await
}

/// `POST /staff/people/{id}/invitation`
pub async fn again_post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageStaff).await?;
    let (id, row) = people::find(&house, &staff, &path).await?;
    let page = people::person_page(&house, &staff, &path, Errors::new()).await?;
    if !page.may_reset || page.person.is_me || row.ended_at_ms.is_some() {
        let words = "This person works for another practice too, so only they can change their \
                     sign-in.";
        let errors = Errors::new().overall(words);
        let page = people::person_page(&house, &staff, &path, errors).await?;
        return Ok(refused(page.html(&workspace::shell(&house, &staff, people::SECTION))));
    }
    let (link, hash) = new_link(&house, &staff, &request);
    let (world, until) = (house.world.clone(), real_now().plus_ms(INVITATION_LASTS_MS));
    let entry = staff.entry("invitation_renewed", "staff", id.as_str());
    let written = house.store.write(move |db| {
        let (id, hash, world, entry) = (id.clone(), hash.clone(), world.clone(), entry.clone());
        Box::pin(async move {
            store::staff::mark_invited(db, &id, &hash, until).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    written.await?;
    let was_sent = send(&house, &staff, &row.email, &link).await;
    let page = InvitationMade {
        name: row.name,
        email: row.email,
        link: Some(link),
        was_sent,
        note: String::new(),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, people::SECTION))))
}
