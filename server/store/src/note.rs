//! What staff write down about an account. Sealed: people write about health.

use domain::{
    clock::{UnixMs, World},
    id::{GuarantorId, NoteId, PracticeId},
};

use crate::{Db, Result, keys::Place};

#[derive(Clone, Debug)]
pub struct Note {
    pub id: NoteId,
    pub text: String,
    pub written_by: String,
    pub at: UnixMs,
}

fn place<'a>(practice: &'a PracticeId, id: &'a str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "note", column: "text_sealed", row: id }
}

pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    text: &str,
    written_by: &str,
) -> Result<NoteId> {
    const INSERT: &str = "insert into note (id, practice_id, guarantor_id, text_sealed, written_by,
        at_ms)
        values ($1, $2, $3, $4, $5, $6)";
    let id = world.mint::<NoteId>();
    let sealed = db.keys().seal(place(practice, id.as_str()), text);
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(sealed)
        .bind(written_by)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(id)
}

/// Newest first.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    limit: i64,
) -> Result<Vec<Note>> {
    const LIST: &str = "select id, text_sealed, written_by, at_ms
        from note
        where practice_id = $1 and guarantor_id = $2
        order by at_ms desc, id desc
        limit $3";
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    let keys = db.keys();
    rows.into_iter()
        .map(|(id, sealed, written_by, at_ms)| {
            let text = keys.open(place(practice, &id), &sealed)?;
            Ok(Note { id: NoteId::trusted(id), text, written_by, at: UnixMs(at_ms) })
        })
        .collect()
}
