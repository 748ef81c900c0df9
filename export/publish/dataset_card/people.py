"""What a card and a Croissant file say of limits, biases, people and use, with the figures of the data set.

After the limitations that SignVerse-2M's own card names, and the fields that NeurIPS asks of data sets (Croissant RAI
1.0).
Each function takes `show`, which writes a text from outside: a card and JSON differ in that.
"""

from __future__ import annotations

from collections.abc import Callable

from signverse.export.publish.dataset_card.facts import Facts, language_name
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.wording import counted

Show = Callable[[object], str]


def percent(part: float, whole: float) -> str:
    """A share, such as 12 % or 0.4 %."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.2g} %"


def duration(hours: float) -> str:
    """How long: in hours, of less than two in minutes, of less than two in seconds."""
    if hours >= 2:
        return f"{hours:,.0f} hours"
    return f"{hours * 60:.0f} minutes" if hours * 60 >= 2 else f"{hours * 3600:.0f} seconds"


def translated(facts: Facts) -> int:
    """Clips whose text a machine translated."""
    named = sum(count for source, count in facts.english_sources.items() if source.startswith("translated"))
    return max(named, facts.captions.get("translated", 0))


def limitations(facts: Facts, show: Show) -> list[str]:
    """What the data cannot do."""
    found = [
        "Keypoints were estimated by a model, and nobody corrected them: hands that move fast, cover each other or the "
        "face, or leave the picture are often wrong or absent.",
        "Poses are two-dimensional. Depth, contact and the small movements of mouth, eyes and cheeks that carry "
        "grammar "
        "are lost or coarse.",
        f"Everything is resampled to {FPS:g} frames a second, so that the fastest movements are blurred or skipped.",
        "Captions are aligned with speech or with the video, not with the signs: a caption may begin before or after "
        "what "
        "it says, and may be a summary of it. There are no glosses.",
        "A video is listed under a sign language by its source's label. Some are mislabelled, and some show a hearing "
        "presenter, an interpreter, or several languages.",
        "The primary signer is found by a rule; where several people are in the picture it may be another person.",
    ]
    hands = [(row["hands_seen"], row["clips"]) for row in facts.languages if row.get("hands_seen") is not None]
    if hands and sum(clips for _, clips in hands):
        seen = sum(share * clips for share, clips in hands) / sum(clips for _, clips in hands)
        found.append(f"Both hands are seen in {percent(seen, 1)} of the frames, on average over the clips' languages.")
    if facts.several_people:
        found.append(f"In {percent(facts.several_people, facts.clips)} of the clips several people are in some frame.")
    without = facts.captions.get("none", 0)
    if without:
        found.append(f"{percent(without, facts.clips)} of the clips have no caption.")
    if facts.repairs:
        kinds = ", ".join(f"{show(kind)} ({counted(count, 'video')})" for kind, count in facts.repairs.items())
        found.append(f"Defects of the source were repaired or marked, each recorded with its video: {kinds}.")
    if facts.missing:
        count = sum(row["videos"] for row in facts.missing)
        found.append(
            f"{counted(count, 'video')} of {facts.listed:,} that were listed could not be had, by reason below."
        )
    return found


def biases(facts: Facts, show: Show) -> list[str]:
    """How the data are skewed, in figures."""
    found = []
    if facts.balance:
        even, top = facts.balance, facts.balance.get("top_language", "")
        found.append(
            f"Languages: {even['languages']}, but as diverse as {even['exp_shannon_entropy']:.3g} languages of equal "
            f"size (the exponential of Shannon's entropy of the hours; Gini {even['gini']:.2f}). The largest, "
            f"{language_name(top)}, has {even['top_percent']:.3g} % of the hours."
        )
    skewed = [row for row in facts.languages if row.get("largest_channel")]
    for row in skewed[:5]:
        share = row["largest_channel_percent"] or 0
        found.append(
            f"{language_name(row['sign_language'])}: {show(row['largest_channel'])} has {share:.3g} % of the hours, "
            f"the largest share of {counted(row['channels'] or 1, 'channel')}."
        )
    if not skewed:
        found.append("Channels are not recorded, so it is not known how many signers there are.")
    found.append(
        "Signers are people who publish videos, among them teachers, presenters and interpreters: no sample of those "
        "who "
        "sign. Age, gender, skin colour, region, and who is deaf are not recorded, so none of this can be "
        "measured here."
    )
    found.append(
        "Pose models learn from general pictures of people, few of whom sign, and may serve some worse than others."
    )
    count = translated(facts)
    if count:
        found.append(
            f"{percent(count, facts.clips)} of the texts are translations by machine, and read like the spoken "
            f"language "
            "that they were translated from."
        )
    return found


def personal(facts: Facts) -> list[str]:
    """What of people is in the data."""
    return [
        "No pictures and no sound are included. Keypoints of a face and a way of moving can identify a person all the "
        "same: treat them as personal data.",
        "Captions, titles and names of channels may name people.",
        "Signers published their videos themselves or let them be published; nobody asked them about this use.",
        "A sign language says much of a person: that they are deaf, where they grew up, at which school.",
    ]


def use_cases() -> list[str]:
    """What the data are for."""
    return [
        "Research on models that recognise, translate or generate sign language from poses.",
        "Pretraining of encoders of poses and of text to pose, with evaluation by people who sign.",
        "Study of how sign languages move, and of how corpora are balanced.",
    ]


def out_of_scope() -> list[str]:
    """What the data must not be used for."""
    return [
        "Identifying or tracking people by how they move or look.",
        "Judging how well a person signs, or hears.",
        "Interpreting without a person where it matters: in medicine, at court, in an emergency.",
        "A product for deaf people that no deaf people had a say in.",
    ]


SOCIAL_IMPACT = (
    "Poses let sign languages that have little data be studied without showing faces. Models of uneven data serve some "
    "languages and signers worse than others, may flatten a language to its commonest signs, and have been used as a "
    "cheap replacement for interpreters. Deaf people should have a part in what is made of this."
)


def synthetic(facts: Facts) -> tuple[bool, str]:
    """Whether there is synthetic data, and which."""
    count, automatic = translated(facts), facts.captions.get("automatic", 0)
    parts = [
        *([f"{percent(count, facts.clips)} were translated by machine"] if count else []),
        *([f"{percent(automatic, facts.clips)} were recognised from speech by machine"] if automatic else []),
    ]
    said = " and ".join(parts) if parts else "none is known to be made by a machine"
    return bool(count), f"All keypoints are estimates of a model; of the clips' texts {said}."


def processing() -> list[str]:
    """The steps from a video to a row."""
    return [
        f"Decoding: each video is read at {FPS:g} frames a second, turned upright.",
        "Detection and pose: people are found in each frame, and DWPose estimates 128 points of each: 18 of the body, "
        "68 of the face, 21 of each hand.",
        "Tracking: people keep their numbers through a video; person 0 is the primary signer.",
        "Segments: the cues of one caption track of each video, the best English one where there is one, joined to "
        "sentences. A video without captions is one segment without text.",
        "Storage: coordinates are kept to 1/8 pixel, scores to 1/256.",
    ]


MAINTENANCE = (
    "A new version is a new revision with a tag; cite the tag. To have a video taken out, open a discussion in the "
    "repository or write to its owner, with the id of the video: it is removed from the files for good, not only from "
    "the newest version, and the sums are made again."
)
