"""Class lists as learning management systems export them (the sources are named in `photgrader.roster`); people are made up."""

CANVAS = '''Student,ID,SIS User ID,SIS Login ID,Section,PSF photometry (48291),Assignments Current Score,Current Score
,,,,,Manual Posting,,
    Points Possible,,,,,10.00,(read only),(read only)
"Lovelace, Ada",7001,S-100,alovelace,"Astro 101, group A",9.50,95,95
"Hopper, Grace",7002,S-101,ghopper,Astro 101,,0,0
"Student, Test",7003,,8f2bd0,Astro 101,,0,0
'''
CANVAS_TWO_NAMES = "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,,\nLovelace,Ada,7001,S-100,alovelace,Astro 101\n"
MOODLE = ('"First name",Surname,"ID number",Institution,Department,"Email address","Assignment: PSF photometry (Real)","Last downloaded from this course"\n'
          "Ada,Lovelace,100,Observatory,Physics,ada@example.org,9.50,1760000000\nJosé,Núñez,101,,,jose@example.org,-,1760000000\n")
BRIGHTSPACE = ("OrgDefinedId,Username,Last Name,First Name,Email,PSF photometry Points Grade <Numeric MaxPoints:10 Weight:50>,End-of-Line Indicator\n"
               "#100200,#ada.lovelace,Lovelace,Ada,ada@example.org,9.5,#\n")
PLAIN = "id;first_name;last_name;email;lms_user_id\nada;Ada;Lovelace;ada@example.org;100\n"
