"""Class lists as learning management systems export them (the sources are named in `photgrader.gradebook.roster`); people are made up."""

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,PSF photometry (48291),Assignments Current Score,Current Score
,,,,,Manual Posting,,
    Points Possible,,,,,10.00,(read only),(read only)
"Lovelace, Ada",7001,S-100,alovelace,"Astro 101, group A",9.50,95,95
"Hopper, Grace",7002,S-101,ghopper,Astro 101,,0,0
"Student, Test",7003,,8f2bd0,Astro 101,,0,0
"""
CANVAS_TWO_NAMES = "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,,\nLovelace,Ada,7001,S-100,alovelace,Astro 101\n"
MOODLE = (
    '"First name",Surname,"ID number",Institution,Department,"Email address","Assignment: PSF photometry (Real)","Last downloaded from this course"\n'
    "Ada,Lovelace,100,Observatory,Physics,ada@example.org,9.50,1760000000\nJosé,Núñez,101,,,jose@example.org,-,1760000000\n"
)
BRIGHTSPACE = (
    "OrgDefinedId,Username,Last Name,First Name,Email,PSF photometry Points Grade <Numeric MaxPoints:10 Weight:50>,End-of-Line Indicator\n"
    "#100200,#ada.lovelace,Lovelace,Ada,ada@example.org,9.5,#\n"
)
# As an export gives it that was asked for one key alone.
BRIGHTSPACE_ONE_KEY = (
    "OrgDefinedId,Last Name,First Name,Email,PSF photometry Points Grade <Numeric MaxPoints:10 Weight:50>,End-of-Line Indicator\n"
    "#100200,Lovelace,Ada,ada@example.org,9.5,#\n"
)
PLAIN = "id;first_name;last_name;email;lms_user_id\nada;Ada;Lovelace;ada@example.org;100\n"
# As a site in another language writes them: the same columns in the same order, the list of participants and the export of grades.
MOODLE_GERMAN = "Vorname;Nachname;E-Mail-Adresse;Gruppen\nJürgen;Groß;jürgen.groß@example.org;\n"
MOODLE_FRENCH = (
    'Prénom,Nom,"Numéro d\'identification",Institution,Département,"Adresse de courriel","Devoir : PSF (Brut)","Dernier téléchargement depuis ce cours"\n'
    "Zoé,L'Hôpital,200,,,zoe@example.org,9.50,1760000000\nFlann,O'Brien,,,,o'brien@example.org,-,1760000000\n"
)
# An auditor has no login, and one student's login is no name of a folder.
CANVAS_AUDITOR = """Student,ID,SIS User ID,SIS Login ID,Section
    Points Possible,,,,
"Lovelace, Ada",7001,S-100,alovelace,Astro 101
"Hopper, Grace",,S-101,ghopper,Astro 101
"Noether, Emmy",7004,,,Astro 101
"Bell, Jocelyn",7005,S-102,a+b@example.org,Astro 101
"""
BLACKBOARD = (
    '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Availability"\t"PSF [Total Pts: 10 Score] |48291"\n'
    '"Lovelace"\t"Ada"\t"alovelace"\t"S-100"\t""\t"Yes"\t"9.5"\n'
)
GRADESCOPE = (
    "First Name,Last Name,SID,Email,Sections,PSF,PSF - Max Points,PSF - Submission Time,PSF - Lateness (H:M:S),Total Lateness (H:M:S)\n"
    "Ada,Lovelace,100,ada@example.org,A,9.5,10.0,2026-10-12 08:00:00 +0000,00:00:00,00:00:00\n"
)
GRADESCOPE_ROSTER = (
    "First Name,Last Name,SID,Email,Role,Section\n"
    "Ada,Lovelace,100,ada@example.org,Student,A\nMary,Somerville,,mary@example.org,Instructor,\n"
)
GRADESCOPE_ONE_NAME = "Name,SID,Email\nAda King Lovelace,100,ada@example.org\n"
